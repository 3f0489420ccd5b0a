// SPDX-License-Identifier: BSD-2-Clause
/*
 * Makes an Open vSwitch datapath with one device as its port, by generic netlink, where there is no
 * ovs-vswitchd: IPv4 that comes in by the device goes to the datapath's own device
 * (net/openvswitch/datapath.c).
 *
 *   ovs_port DATAPATH DEVICE
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/openvswitch.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOCAL_PORT 0
#define FIRST_PORT 1
#define ETHERTYPE_IPV4 \
  0x0008 /* in network byte order, on the little-endian machines that we build for */

/* A request, or its answer. */
static union {
  struct nlmsghdr header;
  char bytes[8192];
} message;
static int sock;

static _Noreturn void fail(const char *what) {
  fprintf(stderr, "ovs_port: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void *append(const void *data, size_t bytes) {
  void *at = message.bytes + NLMSG_ALIGN(message.header.nlmsg_len);

  memcpy(at, data, bytes);
  message.header.nlmsg_len = NLMSG_ALIGN(message.header.nlmsg_len) + (uint32_t)bytes;
  return at;
}

static struct nlattr *attribute(int type, const void *data, size_t bytes) {
  struct nlattr head = {.nla_type = (uint16_t)type, .nla_len = (uint16_t)(NLA_HDRLEN + bytes)};
  struct nlattr *at = append(&head, sizeof(head));

  if (bytes) append(data, bytes);
  return at;
}

static void number(int type, uint32_t value) { attribute(type, &value, sizeof(value)); }
static void text(int type, const char *value) { attribute(type, value, strlen(value) + 1); }
static struct nlattr *nest(int type) { return attribute(type, NULL, 0); }

static void close_nest(struct nlattr *nest) {
  nest->nla_len = (uint16_t)(message.bytes + message.header.nlmsg_len - (char *)nest);
}

static void begin(int family, uint8_t command, uint8_t version) {
  struct genlmsghdr generic = {.cmd = command, .version = version};

  memset(&message, 0, sizeof(message));
  message.header.nlmsg_len = NLMSG_HDRLEN;
  message.header.nlmsg_type = (uint16_t)family;
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
  append(&generic, sizeof(generic));
}

static void begin_ovs(int family, uint8_t command, int datapath) {
  struct ovs_header ovs = {.dp_ifindex = datapath};

  begin(family, command, OVS_DATAPATH_VERSION);
  append(&ovs, sizeof(ovs));
}

/* Sends the request; its answer, if it has one, is in `message` then. */
static void request(const char *what) {
  const struct nlmsgerr *error = NLMSG_DATA(&message.header);

  if (send(sock, &message, message.header.nlmsg_len, 0) < 0) fail(what);
  if (recv(sock, &message, sizeof(message), 0) < 0) fail(what);
  if (message.header.nlmsg_type != NLMSG_ERROR) {
    char acknowledgement[1024];
    if (recv(sock, acknowledgement, sizeof(acknowledgement), 0) < 0) fail(what);
    return;
  }
  errno = -error->error;
  if (errno) fail(what);
}

static int family_of(const char *name) {
  const char *at, *end;

  begin(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
  text(CTRL_ATTR_FAMILY_NAME, name);
  request(name);
  at = message.bytes + NLMSG_HDRLEN + GENL_HDRLEN;
  end = message.bytes + message.header.nlmsg_len;
  while (at < end) {
    const struct nlattr *attr = (const void *)at;
    if (attr->nla_type == CTRL_ATTR_FAMILY_ID) return *(const uint16_t *)(at + NLA_HDRLEN);
    at += NLA_ALIGN(attr->nla_len);
  }
  errno = ENOENT;
  fail(name);
}

/* What a packet looks like (`mask` 0), or which bits of that matter: its port and that it is IPv4.
 */
static void match(int type, int mask) {
  struct ovs_key_ethernet ethernet = {};
  struct ovs_key_ipv4 ipv4 = {};
  uint16_t ethertype = mask ? 0xffff : ETHERTYPE_IPV4;
  struct nlattr *key = nest(type);

  number(OVS_KEY_ATTR_IN_PORT, mask ? UINT32_MAX : FIRST_PORT);
  attribute(OVS_KEY_ATTR_ETHERNET, &ethernet, sizeof(ethernet));
  attribute(OVS_KEY_ATTR_ETHERTYPE, &ethertype, sizeof(ethertype));
  attribute(OVS_KEY_ATTR_IPV4, &ipv4, sizeof(ipv4));
  close_nest(key);
}

int main(int argc, char **argv) {
  struct nlattr *actions;
  int datapath;

  if (argc != 3) {
    fprintf(stderr, "usage: ovs_port DATAPATH DEVICE\n");
    return 1;
  }
  sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
  if (sock < 0) fail("netlink");
  begin_ovs(family_of(OVS_DATAPATH_FAMILY), OVS_DP_CMD_NEW, 0);
  text(OVS_DP_ATTR_NAME, argv[1]);
  number(OVS_DP_ATTR_UPCALL_PID, 0);
  request(argv[1]);
  datapath = (int)if_nametoindex(argv[1]);

  begin_ovs(family_of(OVS_VPORT_FAMILY), OVS_VPORT_CMD_NEW, datapath);
  text(OVS_VPORT_ATTR_NAME, argv[2]);
  number(OVS_VPORT_ATTR_TYPE, OVS_VPORT_TYPE_NETDEV);
  number(OVS_VPORT_ATTR_PORT_NO, FIRST_PORT);
  number(OVS_VPORT_ATTR_UPCALL_PID, 0);
  request(argv[2]);

  begin_ovs(family_of(OVS_FLOW_FAMILY), OVS_FLOW_CMD_NEW, datapath);
  match(OVS_FLOW_ATTR_KEY, 0);
  match(OVS_FLOW_ATTR_MASK, 1);
  actions = nest(OVS_FLOW_ATTR_ACTIONS);
  number(OVS_ACTION_ATTR_OUTPUT, LOCAL_PORT);
  close_nest(actions);
  request("flow");
  return 0;
}
