#!/bin/bash
# Fetches Debian's newest cloud kernel of a suite from the mirror this machine's apt uses, and unpacks it.
# usage: fetch-kernel.sh <target directory> <suite>
# apt works on private state only: nothing is installed and the machine's own package lists stay as they are.
# exit: 0 done; 4 the mirror answers, and has no such suite or no such kernel in it; 1 anything else, no network included.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
target=$1 suite=$2
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

mirror_has_none=4

say() { echo "kernels: $*" >&2; }
for tool in depmod:kmod xz:xz-utils dpkg-deb:dpkg; do
  command -v "${tool%:*}" > /dev/null || { say "${tool%:*} is missing (Debian package ${tool#*:})"; exit 1; }
done

. "$(dirname "$0")/../../scripts/private-apt.sh"
quiet_apt() { "$@" 2> >(without_addresses >&2); }

mirror=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' \
  | awk '$1 !~ /security/ && $2 ~ /debian\/?$/ { print $2; exit }')
[ -n "$mirror" ] || { say "apt on this machine names no Debian mirror (apt-get indextargets)"; exit 1; }

mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/unpacked"
signed_by=
[ -e "$keyring" ] && signed_by="signed-by=$keyring"
private_apt "$work/apt" <<< "deb [arch=amd64 $signed_by] $mirror $suite main"
echo 'APT::Architecture "amd64";' >> "$APT_CONFIG"

say "reading the package list of $suite"
# Any error at all ends it: an index that could not be fetched is no index without the package.
if ! apt-get -q -o APT::Update::Error-Mode=any update > "$work/update.log" 2>&1; then
  without_addresses < "$work/update.log" >&2
  # Every request was answered, and the release file is not there: apt tells 404 from all other failures.
  errors=$(grep -E '^(Err:|  )' "$work/update.log" || true)
  if grep -q 'does not have a Release file' "$work/update.log" && ! grep '^  ' <<< "$errors" | grep -qv '404 '; then
    say "the mirror has no suite $suite"
    exit $mirror_has_none
  fi
  say "the package list of $suite could not be read"
  exit 1
fi
image=$(apt-cache depends linux-image-cloud-amd64 2> /dev/null | grep -oE -m1 'linux-image-[0-9]\S*' || true)
[ -n "$image" ] || { say "$suite has no linux-image-cloud-amd64"; exit $mirror_has_none; }
release=${image#linux-image-}

# Since 7.2 Debian splits the image package: linux-image only depends on the others.
cd "$work/apt/archives"
parts=(-e "$image" -e "linux-base-$release" -e "linux-binary-$release" -e "linux-modules-$release")
for package in $(apt-cache pkgnames linux- | grep -Fx "${parts[@]}"); do
  say "downloading $package"
  quiet_apt apt-get -qq download "$package"
done
for archive in *.deb; do dpkg-deb -x "$archive" "$work/unpacked"; done
# The same parts have other places since the split: modules in /usr/lib, and the kernel and its config beside them.
find_one() { find "$work/unpacked" "$@" -print -quit | grep . || { say "$image has no file for: $*"; exit 1; }; }
mkdir -p "$work/kernel/lib/modules"
mv "$(find_one -name "vmlinuz*" -type f)" "$work/kernel/vmlinuz"
mv "$(find_one \( -name "config-$release" -o -path "*/$release/config" \) -type f)" "$work/kernel/config"
mv "$(find_one -type d -path "*/lib/modules/$release")" "$work/kernel/lib/modules/"
find "$work/kernel/lib/modules" \( -name '*.ko.xz' -exec xz -d {} + \) -o \( -name '*.ko.zst' -exec zstd -qd --rm {} + \)
depmod -b "$work/kernel" "$release"
echo "$release" > "$work/kernel/release"
rm -rf "$target"
mv "$work/kernel" "$target"
say "$release is in $target"
