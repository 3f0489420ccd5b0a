#!/bin/sh
# PID 1 of a guest of the kernel lab: makes a usual root environment, runs /lab/command with its streams on
# virtio ports (the console is the kernel's alone), reports on the port "status", and ends the machine.
# Lines on "status": "started", "exit <code>", "failed <why>".
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=${TERM:-linux}

mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
for at in /dev/shm /run /tmp; do mount -t tmpfs tmpfs $at; done
mount -t bpf bpf /sys/fs/bpf
mount -t securityfs securityfs /sys/kernel/security
mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for link in fd:fd stdin:fd/0 stdout:fd/1 stderr:fd/2; do ln -sf /proc/self/${link#*:} /dev/${link%%:*}; done
ip link set lo up
cd /root || exit

finish() { sync; reboot -f; }

load_modules() {
  while read -r module; do
    modprobe "$module" || { failure="modprobe $module failed"; return 1; }
  done < /lab/modules
}

if [ ! -e /lab/command ]; then
  load_modules || echo "$failure"
  echo "--- $(uname -r); the project is in /opt/taptrace; exit ends the machine ---"
  # By path: busybox would start its own shell, which prefers applets to the programs in PATH.
  setsid cttyhack "$(command -v bash || echo /usr/bin/sh)"
  finish
fi

modprobe virtio_pci
modprobe virtio_console
port() {
  for tries in $(seq 100); do
    for found in /sys/class/virtio-ports/*; do
      [ "$(cat "$found/name" 2>/dev/null)" = "$1" ] && [ -c "/dev/${found##*/}" ] && echo "/dev/${found##*/}" && return
    done
    sleep 0.1
  done
  echo "lab: no virtio port $1" > /dev/console
}
status_port=$(port status)
stdout_port=$(port stdout)
stderr_port=$(port stderr)

if ! load_modules; then
  echo "failed $failure" > "$status_port"
  finish
fi

# Pipes, not the ports themselves: a port takes 32 KiB of a write and node would drop the rest.
mkfifo /lab/stdout /lab/stderr
cat /lab/stdout > "$stdout_port" & stdout_pump=$!
cat /lab/stderr > "$stderr_port" & stderr_pump=$!
echo started > "$status_port"
sh /lab/command > /lab/stdout 2> /lab/stderr < /dev/null
status=$?
# A program left in the background may hold a pipe open for ever.
(sleep 5; kill $stdout_pump $stderr_pump) &
wait $stdout_pump $stderr_pump
echo "exit $status" > "$status_port"
finish
