/* SPDX-License-Identifier: (GPL-2.0 OR BSD-2-Clause) */
/*
 * Never loaded. Its BTF holds the types of event.h, enums included, from which the TypeScript
 * offsets are generated (a type that no variable has does not reach BTF).
 */
#include <linux/types.h>

#include "event.h"

struct tap_record *layout_record;
struct tap_counters *layout_counters;
struct tap_live *layout_live;
struct tap_device *layout_device;
struct tap_device_set *layout_device_set;
struct tap_socket_device *layout_socket_device;
struct tap_filter_view *layout_filter_view;
enum tap_present *layout_present;
enum tap_flag *layout_flag;
enum tap_context *layout_context;
enum tap_link *layout_link;
enum tap_choice *layout_choice;
enum tap_delivery *layout_delivery;
enum tap_filter *layout_filter;

char LICENSE[] __attribute__((section("license"))) = "Dual BSD/GPL";
