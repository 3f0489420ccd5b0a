#!/bin/sh
# Installs the Debian packages that are missing. Needs root only if something is.
set -eu

missing=""
need() { # need <package> <test...>: the package is missing when the test fails
  package=$1
  shift
  "$@" >/dev/null 2>&1 || missing="$missing $package"
}

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
need iproute2 command -v ip
need iputils-ping command -v ping
# What the tests compare with.
need bpftool command -v bpftool
need tcpdump command -v tcpdump
need tshark command -v tshark
need iperf3 command -v iperf3
need ethtool command -v ethtool
need nftables command -v nft
need arping command -v arping
need util-linux command -v taskset

[ -n "$missing" ] || exit 0
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
