#!/bin/sh
# Installs the Debian packages that are missing. Needs root only if something is.
set -eu

missing=""
need() { # need <package> <test...>: the package is missing when the test fails
  package=$1
  shift
  "$@" >/dev/null 2>&1 || missing="$missing $package"
}

has_node_headers() { # beside the node that runs, or where node-gyp keeps what it fetched
  test -f "$(dirname "$(dirname "$(readlink -f "$(command -v node || echo /usr/bin/node)")")")/include/node/node.h"
}

is_static() { # a program that runs without libraries
  command -v "$1" && ! ldd "$(command -v "$1")" 2>/dev/null | grep '=>'
}

PATH=$PATH:/usr/sbin:/sbin

need clang command -v clang
need llvm command -v llvm-strip
need clang-format command -v clang-format
need g++ command -v g++
need make command -v make
need pkg-config command -v pkg-config
need python3 command -v python3
need libbpf-dev pkg-config --exists libbpf
need libpcap-dev pkg-config --exists libpcap
need nodejs command -v node
need npm command -v npm
need libnode-dev has_node_headers
need iproute2 command -v ip
need iputils-ping command -v ping
# The libraries that a package holds are built from their sources (scripts/static-libraries.sh).
need dpkg-dev command -v dpkg-source
need flex command -v flex
need bison command -v bison
need m4 command -v m4
# What the tests compare with.
need bpftool command -v bpftool
need tcpdump command -v tcpdump
need tshark command -v tshark
need iperf3 command -v iperf3
need ethtool command -v ethtool
need nftables command -v nft
need iptables command -v iptables-legacy
need arping command -v arping
need util-linux command -v taskset
# The kernel lab (test/kernels): the machine, and what unpacks kernels and fills guests.
need qemu-system-x86 command -v qemu-system-x86_64
need busybox-static is_static busybox
need kmod command -v depmod
need xz-utils command -v xz
need zstd command -v zstd
need mount command -v mount
need procps command -v sysctl
need debian-archive-keyring test -e /usr/share/keyrings/debian-archive-keyring.gpg

check_node() {
  node -e 'const [a, b] = process.versions.node.split("."); process.exit(+a > 20 || (+a === 20 && +b >= 19) ? 0 : 1)' && return
  echo "Node $(node --version) is too old: 20.19 or newer is needed (Debian 13 has it)" >&2
  exit 3
}

if [ -z "$missing" ]; then
  check_node
  exit 0
fi
if [ "$(id -u)" != 0 ]; then
  echo "These Debian packages are missing:$missing" >&2
  echo "Install them with: sudo apt-get install$missing" >&2
  exit 3
fi
echo "Installing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >&2
check_node
