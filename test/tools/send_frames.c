// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sends raw frames, read as lines of hex digits from standard input, out of one device.
 *
 *   send_frames DEVICE [--repeat N] [--interval-us N] [--bypass]
 *
 * With --bypass they go to the driver past the queueing discipline and the taps
 * (PACKET_QDISC_BYPASS). The packet socket has protocol 0: it can send but receives nothing, so the
 * device does not become armed by it (net/packet/af_packet.c, packet_create: no prot_hook without a
 * protocol).
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_BYTES_MAX 65536

struct options {
  const char *device;
  unsigned long repeat;
  unsigned long interval_us;
  int bypass;
};

static _Noreturn void fail(const char *what, const char *detail) {
  fprintf(stderr, "send_frames: %s: %s\n", what, detail);
  exit(1);
}

static unsigned long parse_number(const char *text) {
  char *end;
  unsigned long value = strtoul(text, &end, 10);

  if (!isdigit((unsigned char)*text) || *end) fail("not a number", text);
  return value;
}

static struct options parse_options(int argc, char **argv) {
  struct options options = {.repeat = 1};
  int i;

  for (i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--repeat") && i + 1 < argc)
      options.repeat = parse_number(argv[++i]);
    else if (!strcmp(argv[i], "--interval-us") && i + 1 < argc)
      options.interval_us = parse_number(argv[++i]);
    else if (!strcmp(argv[i], "--bypass"))
      options.bypass = 1;
    else if (!options.device && argv[i][0] != '-')
      options.device = argv[i];
    else
      fail("unknown argument", argv[i]);
  }
  if (!options.device)
    fail("usage", "send_frames DEVICE [--repeat N] [--interval-us N] [--bypass]");
  return options;
}

static int open_device(const char *device, int bypass) {
  struct sockaddr_ll address = {.sll_family = AF_PACKET};
  int fd = socket(AF_PACKET, SOCK_RAW, 0);

  if (fd < 0) fail("socket", strerror(errno));
  if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof(bypass)))
    fail("PACKET_QDISC_BYPASS", strerror(errno));
  address.sll_ifindex = (int)if_nametoindex(device);
  if (!address.sll_ifindex) fail(device, strerror(errno));
  if (bind(fd, (struct sockaddr *)&address, sizeof(address))) fail("bind", strerror(errno));
  return fd;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* Decodes one line; returns the number of bytes, 0 for an empty line. */
static size_t decode_line(const char *line, unsigned char *frame) {
  size_t length = 0;

  while (*line && *line != '\n') {
    int high = hex_digit(line[0]), low = high < 0 ? -1 : hex_digit(line[1]);

    if (low < 0) fail("not pairs of hex digits", line);
    if (length == FRAME_BYTES_MAX) fail("frame", "longer than 65536 bytes");
    frame[length++] = (unsigned char)(high << 4 | low);
    line += 2;
  }
  return length;
}

static void send_frame(int fd, const unsigned char *frame, size_t length) {
  while (send(fd, frame, length, 0) < 0) {
    if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR) fail("send", strerror(errno));
    usleep(100);
  }
}

int main(int argc, char **argv) {
  static unsigned char frame[FRAME_BYTES_MAX];
  struct options options = parse_options(argc, argv);
  int fd = open_device(options.device, options.bypass);
  unsigned long sent = 0, i;
  size_t capacity = 0;
  char *line = NULL;

  while (getline(&line, &capacity, stdin) > 0) {
    size_t length = decode_line(line, frame);

    for (i = 0; length && i < options.repeat; i++, sent++) {
      send_frame(fd, frame, length);
      if (options.interval_us) usleep((useconds_t)options.interval_us);
    }
  }
  free(line);
  close(fd);
  printf("{\"sent\":%lu}\n", sent);
  return 0;
}
