#!/bin/bash
# Builds libbpf, libelf and libpcap as archives that can be linked into the addons of a package: Debian's own are not
# position independent. They are made of the sources of the very packages installed here, fetched from the mirrors that
# this machine's apt uses, with apt working on private state.
# usage: static-libraries.sh <target directory>
set -euo pipefail
target=$(realpath -m "$1")
cflags="-O2 -g0 -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections"

. "$(dirname "$0")/private-apt.sh"
say() { echo "static libraries: $*" >&2; }

mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/libraries"

sources=$(apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' \
  | sort -u)
[ -n "$sources" ] || { say "apt on this machine names no Debian mirror (apt-get indextargets)"; exit 1; }
private_apt "$work/apt" <<< "$sources"

quietly() { # quietly <what> <command...>: its output is shown where it fails
  local what=$1
  shift
  say "$what"
  "$@" > "$work/log" 2>&1 || { tail -n 30 "$work/log" | without_addresses >&2; say "$what: failed"; exit 1; }
}

unpack() { # unpack <Debian package> <directory>: its source, in the version installed
  local source
  source=$(dpkg-query -W -f '${source:Package}=${source:Version}' "$1")
  quietly "fetching the source ${source%=*}" env -C "$work" apt-get -qq source --download-only "$source"
  quietly "unpacking it" dpkg-source --no-check -x "$work/${source%%=*}_"*.dsc "$work/$2"
}

elf() {
  unpack libelf-dev elfutils
  cd "$work/elfutils"
  quietly "configuring libelf" env CFLAGS="$cflags" ./configure --disable-debuginfod --disable-libdebuginfod \
    --without-bzlib --without-lzma --without-zstd
  quietly "building libelf" sh -c 'make -s -C lib && make -s -C libelf libelf_pic.a'
  cp libelf/libelf_pic.a "$work/libraries/libelf.a"
  cp COPYING-LGPLV3 "$work/libraries/libelf.licence"
}

bpf() {
  unpack libbpf-dev libbpf
  cd "$work/libbpf/src"
  mkdir -p built
  quietly "building libbpf" make -s BUILD_STATIC_ONLY=1 OBJDIR=built CFLAGS="$cflags" built/libbpf.a
  cp built/libbpf.a "$work/libraries/libbpf.a"
  cp ../LICENSE.BSD-2-Clause "$work/libraries/libbpf.licence"
}

pcap() {
  unpack libpcap0.8-dev libpcap
  cd "$work/libpcap"
  quietly "configuring libpcap" env CFLAGS="$cflags" ./configure --disable-shared --disable-dbus --disable-rdma \
    --disable-usb --disable-bluetooth --without-libnl
  quietly "building libpcap" make -s libpcap.a
  cp libpcap.a "$work/libraries/libpcap.a"
  cp LICENSE "$work/libraries/libpcap.licence"
}

# Debian's libz.a can be linked as it is.
cp /usr/share/doc/zlib1g-dev/copyright "$work/libraries/libz.licence"
quietly "reading the lists of source packages" apt-get -qq -o APT::Update::Error-Mode=any update
elf
bpf
pcap
rm -rf "$target"
mv "$work/libraries" "$target"
say "they are in $target"
