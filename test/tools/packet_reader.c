// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packet sockets without a ring, which never read: what they are handed is queued until it is full.
 *
 *   packet_reader DEVICE BYTES [SOCKETS]
 *
 * BYTES is the receive buffer of each; several SOCKETS share the packets as one fanout group.
 * Prints "ready", and at SIGTERM one line a socket: its inode, the packets it took and those that
 * found no room, as the kernel counts them (PACKET_STATISTICS).
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOCKETS_MAX = 8, GROUP = 4711 };

static int open_socket(const char *device, int bytes, int grouped) {
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                .sll_protocol = htons(ETH_P_ALL),
                                .sll_ifindex = (int)if_nametoindex(device)};
  int group = GROUP | PACKET_FANOUT_LB << 16;

  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
      bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
      (grouped && setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &group, sizeof(group)))) {
    perror("packet_reader");
    exit(1);
  }
  return fd;
}

static void report(int fd) {
  struct tpacket_stats stats = {0};
  socklen_t length = sizeof(stats);
  struct stat status;

  fstat(fd, &status);
  getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &length);
  // The kernel adds those that were dropped to tp_packets.
  printf("%lu %u %u\n", (unsigned long)status.st_ino, stats.tp_packets - stats.tp_drops,
         stats.tp_drops);
}

int main(int argc, char **argv) {
  int sockets = argc == 4 ? atoi(argv[3]) : 1, fds[SOCKETS_MAX], signal_number;
  sigset_t ends;

  if (argc < 3 || argc > 4 || sockets < 1 || sockets > SOCKETS_MAX) {
    fprintf(stderr, "usage: packet_reader DEVICE BYTES [SOCKETS]\n");
    return 2;
  }
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigprocmask(SIG_BLOCK, &ends, 0);
  for (int i = 0; i < sockets; i++) fds[i] = open_socket(argv[1], atoi(argv[2]), sockets > 1);
  puts("ready");
  fflush(stdout);
  sigwait(&ends, &signal_number);
  for (int i = 0; i < sockets; i++) report(fds[i]);
  return 0;
}
