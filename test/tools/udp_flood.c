// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sends numbered UDP datagrams from one connected socket, in batches, and prints how many and how
 * long it took as one JSON object.
 *
 *   udp_flood --to ADDRESS [--port N] [--size BYTES] [--count N] [--rate PACKETS_PER_SECOND]
 *             [--first N]
 *
 * A payload begins with the datagram's number (big endian, as many of its low bytes as fit, up to
 * 8) counted from --first, so that no two neighbours are alike. Rate 0 sends as fast as the machine
 * can.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH_MAX 32
#define PAYLOAD_BYTES_MAX 65507
#define NUMBER_BYTES 8
#define NS_PER_S 1000000000ull

struct options {
  const char *to;
  const char *port;
  unsigned long size;
  unsigned long count;
  unsigned long rate;
  unsigned long first;
};

struct batch {
  struct mmsghdr messages[BATCH_MAX];
  struct iovec parts[BATCH_MAX][2]; /* the number, and the rest that all share */
  unsigned char numbers[BATCH_MAX][NUMBER_BYTES];
  size_t number_bytes;
};

static _Noreturn void fail(const char *what, const char *detail) {
  fprintf(stderr, "udp_flood: %s: %s\n", what, detail);
  exit(1);
}

static unsigned long parse_number(const char *text) {
  char *end;
  unsigned long value = strtoul(text, &end, 10);

  if (!isdigit((unsigned char)*text) || *end) fail("not a number", text);
  return value;
}

static struct options parse_options(int argc, char **argv) {
  struct options options = {.port = "9", .size = 64, .count = 1};
  int i;

  for (i = 1; i + 1 < argc; i += 2) {
    if (!strcmp(argv[i], "--to"))
      options.to = argv[i + 1];
    else if (!strcmp(argv[i], "--port"))
      options.port = argv[i + 1];
    else if (!strcmp(argv[i], "--size"))
      options.size = parse_number(argv[i + 1]);
    else if (!strcmp(argv[i], "--count"))
      options.count = parse_number(argv[i + 1]);
    else if (!strcmp(argv[i], "--first"))
      options.first = parse_number(argv[i + 1]);
    else if (!strcmp(argv[i], "--rate"))
      options.rate = parse_number(argv[i + 1]);
    else
      fail("unknown option", argv[i]);
  }
  if (i < argc || !options.to)
    fail("usage", "udp_flood --to ADDRESS [--port N] [--size N] [--count N] [--rate N]");
  if (options.size > PAYLOAD_BYTES_MAX) fail("size", "longer than a UDP datagram");
  return options;
}

static int connect_to(const struct options *options) {
  struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
  struct addrinfo *address;
  int error = getaddrinfo(options->to, options->port, &hints, &address);
  int fd;

  if (error) fail(options->to, gai_strerror(error));
  fd = socket(address->ai_family, SOCK_DGRAM, 0);
  if (fd < 0 || connect(fd, address->ai_addr, address->ai_addrlen))
    fail("connect", strerror(errno));
  freeaddrinfo(address);
  return fd;
}

static void prepare(struct batch *batch, unsigned long size) {
  static unsigned char rest[PAYLOAD_BYTES_MAX];
  unsigned long i;

  for (i = 0; i < sizeof(rest); i++) rest[i] = (unsigned char)('a' + i % 26);
  batch->number_bytes = size < NUMBER_BYTES ? size : NUMBER_BYTES;
  for (i = 0; i < BATCH_MAX; i++) {
    struct msghdr *message = &batch->messages[i].msg_hdr;

    batch->parts[i][0].iov_base = batch->numbers[i];
    batch->parts[i][0].iov_len = batch->number_bytes;
    batch->parts[i][1].iov_base = rest;
    batch->parts[i][1].iov_len = size - batch->number_bytes;
    message->msg_iov = batch->parts[i];
    message->msg_iovlen = 2;
  }
}

static void number(struct batch *batch, unsigned int length, uint64_t first) {
  unsigned int i;
  size_t byte;

  for (i = 0; i < length; i++)
    for (byte = 0; byte < batch->number_bytes; byte++)
      batch->numbers[i][byte] =
          (unsigned char)((first + i) >> 8 * (batch->number_bytes - 1 - byte));
}

/* Sends a batch whole; an ICMP error that an earlier datagram came back with is not ours to report.
 */
static void send_batch(int fd, struct batch *batch, unsigned int length) {
  unsigned int done = 0;

  while (done < length) {
    int sent = sendmmsg(fd, batch->messages + done, length - done, 0);

    if (sent > 0)
      done += (unsigned int)sent;
    else if (errno == EPERM)
      done++; /* a packet filter dropped this one on its way out: it was sent once, and counts */
    else if (errno != ECONNREFUSED && errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
      fail("sendmmsg", strerror(errno));
  }
}

static uint64_t now_ns(void) {
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void sleep_until(uint64_t ns) {
  struct timespec at = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};

  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
    ;
}

/* At most a millisecond's worth of packets at once, so that a low rate is no series of bursts. */
static unsigned int batch_length(unsigned long rate) {
  unsigned long length = rate ? rate / 1000 : BATCH_MAX;

  return length < 1 ? 1 : length > BATCH_MAX ? BATCH_MAX : (unsigned int)length;
}

int main(int argc, char **argv) {
  static struct batch batch;
  struct options options = parse_options(argc, argv);
  unsigned int length = batch_length(options.rate);
  unsigned long sent = 0;
  uint64_t start;
  int fd = connect_to(&options);

  prepare(&batch, options.size);
  start = now_ns();
  while (sent < options.count) {
    if (options.count - sent < length) length = (unsigned int)(options.count - sent);
    if (options.rate) sleep_until(start + sent * NS_PER_S / options.rate);
    number(&batch, length, options.first + sent);
    send_batch(fd, &batch, length);
    sent += length;
  }
  printf("{\"sent\":%lu,\"seconds\":%.6f}\n", sent, (double)(now_ns() - start) / NS_PER_S);
  close(fd);
  return 0;
}
