#!/usr/bin/env bash
# The main job on live packets: traffic of our own on loopback and on a veth pair between two namespaces,
# watched at both taps, first as the machine is, then with the taps armed. Removes what it made.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" != 0 ]; then
  echo "make run traces the kernel and makes network namespaces: run it as root (sudo make run)" >&2
  exit 3
fi

taptrace=(node dist/bin/taptrace/main.js)
left="taptrace-demo-$$-a"
right="taptrace-demo-$$-b"

clean_up() {
  ip netns del "$left" 2>/dev/null || true
  ip netns del "$right" 2>/dev/null || true
}
trap clean_up EXIT

ip netns add "$left"
ip netns add "$right"
for netns in "$left" "$right"; do # only the demo's own packets on the screen
  ip netns exec "$netns" sh -c 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6' 2>/dev/null || true
done
ip link add vA netns "$left" type veth peer name vB netns "$right"
ip -n "$left" addr add 192.0.2.1/24 dev vA
ip -n "$right" addr add 192.0.2.2/24 dev vB
for side in "$left vA" "$right vB"; do
  read -r netns device <<<"$side"
  ip -n "$netns" link set lo up
  ip -n "$netns" link set "$device" up
done

traffic() {
  sleep 1
  ip netns exec "$left" ping -q -c 2 -i 0.2 192.0.2.2 >/dev/null
  ping -q -c 1 127.0.0.1 >/dev/null
}

watch() { # watch <title> <options...>
  echo
  echo "=== $1"
  shift
  traffic &
  "${taptrace[@]}" --netns self --netns "$left" --netns "$right" -i lo -i vA -i vB --duration 3 "$@"
  wait
}

watch "As the machine is: nobody taps, so tx-tap shows where a packet would be tapped"
watch "With --arm: one packet socket a device opens the taps, and watches them from inside" --arm

echo
echo "=== One packet's whole way: taptrace path"
(sleep 5 && ip netns exec "$left" ping -q -c 1 192.0.2.2 >/dev/null) &
"${taptrace[@]}" path --netns "$left" --netns "$right" -c 1 --duration 15 icmp
wait

echo
echo "Your own traffic: sudo node dist/bin/taptrace/main.js -i any     All options: --help"
