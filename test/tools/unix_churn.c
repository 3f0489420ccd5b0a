// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sends datagrams to itself over a Unix socket pair until it is killed: each is consumed in process
 * context, so that softirqs interrupt whatever watches consume_skb.
 *
 *   unix_churn
 *
 * Prints "ready" once it runs.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(void) {
  char datagram[64] = {0};
  int ends[2];

  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends)) {
    fprintf(stderr, "unix_churn: %s\n", strerror(errno));
    return 1;
  }
  puts("ready");
  fflush(stdout);
  while (send(ends[0], datagram, sizeof(datagram), 0) > 0 &&
         recv(ends[1], datagram, sizeof(datagram), 0) > 0)
    ;
  fprintf(stderr, "unix_churn: %s\n", strerror(errno));
  return 1;
}
