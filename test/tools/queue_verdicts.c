// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reads a netfilter queue and gives every packet the same verdict.
 *
 *   queue_verdicts QUEUE accept|drop
 *
 * Prints "ready" once bound and stays until it is killed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
  struct nlmsghdr header;
  struct nfgenmsg family;
  struct nlattr attribute;
  char value[16];
};

static int say(int fd, int queue, int type, int attribute, const void *value, size_t size) {
  struct request request = {
      .header = {.nlmsg_type = (NFNL_SUBSYS_QUEUE << 8) | type, .nlmsg_flags = NLM_F_REQUEST},
      .family = {.version = NFNETLINK_V0, .res_id = htons((uint16_t)queue)},
      .attribute = {.nla_len = (uint16_t)(NLA_HDRLEN + size), .nla_type = (uint16_t)attribute},
  };

  request.header.nlmsg_len =
      (uint32_t)(offsetof(struct request, value) + NLA_ALIGN((uint32_t)size));
  memcpy(request.value, value, size);
  return send(fd, &request, request.header.nlmsg_len, 0) < 0 ? -1 : 0;
}

/* The packet's number in network byte order, as its header attribute has it; 0: there is none. */
static uint32_t packet_id(const struct nlmsghdr *message) {
  const char *at = (const char *)message + NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nfgenmsg));
  const char *end = (const char *)message + message->nlmsg_len;

  while (at + NLA_HDRLEN <= end) {
    const struct nlattr *attribute = (const struct nlattr *)at;

    if ((attribute->nla_type & NLA_TYPE_MASK) == NFQA_PACKET_HDR)
      return ((const struct nfqnl_msg_packet_hdr *)(at + NLA_HDRLEN))->packet_id;
    at += NLA_ALIGN(attribute->nla_len);
  }
  return 0;
}

int main(int argc, char **argv) {
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  struct nfqnl_msg_config_cmd bind_queue = {.command = NFQNL_CFG_CMD_BIND};
  struct nfqnl_msg_config_params metadata = {.copy_mode = NFQNL_COPY_META};
  struct nfqnl_msg_verdict_hdr verdict;
  _Alignas(struct nlmsghdr) static char buffer[65536];
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
  int queue;

  if (argc != 3) {
    fprintf(stderr, "usage: queue_verdicts QUEUE accept|drop\n");
    return 2;
  }
  queue = atoi(argv[1]);
  verdict.verdict = htonl(strcmp(argv[2], "drop") ? NF_ACCEPT : NF_DROP);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
      say(fd, queue, NFQNL_MSG_CONFIG, NFQA_CFG_CMD, &bind_queue, sizeof(bind_queue)) ||
      say(fd, queue, NFQNL_MSG_CONFIG, NFQA_CFG_PARAMS, &metadata, sizeof(metadata))) {
    fprintf(stderr, "queue_verdicts: queue %d: %s\n", queue, strerror(errno));
    return 1;
  }
  puts("ready");
  fflush(stdout);
  for (;;) {
    ssize_t size = recv(fd, buffer, sizeof(buffer), 0);
    struct nlmsghdr *message = (struct nlmsghdr *)buffer;

    if (size <= 0) return 1;
    for (int left = (int)size; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if ((message->nlmsg_type & 0xff) != NFQNL_MSG_PACKET) continue;
      verdict.id = packet_id(message);
      if (say(fd, queue, NFQNL_MSG_VERDICT, NFQA_VERDICT_HDR, &verdict, sizeof(verdict))) return 1;
    }
  }
}
