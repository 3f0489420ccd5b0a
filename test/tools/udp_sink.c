// SPDX-License-Identifier: BSD-2-Clause
/*
 * Binds a UDP port on every address and never reads: datagrams are taken without an ICMP answer.
 *
 *   udp_sink PORT [BUFFER_BYTES]
 *
 * Prints "ready" once bound and stays until it is killed. BUFFER_BYTES is for SO_RCVBUF.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
  int fd = socket(AF_INET6, SOCK_DGRAM, 0);

  if (argc != 2 && argc != 3) {
    fprintf(stderr, "usage: udp_sink PORT [BUFFER_BYTES]\n");
    return 2;
  }
  address.sin6_port = htons((in_port_t)atoi(argv[1]));
  if (argc == 3) {
    int bytes = atoi(argv[2]);

    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes))) {
      fprintf(stderr, "udp_sink: buffer: %s\n", strerror(errno));
      return 1;
    }
  }
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address))) {
    fprintf(stderr, "udp_sink: port %s: %s\n", argv[1], strerror(errno));
    return 1;
  }
  puts("ready");
  fflush(stdout);
  for (;;) pause();
}
