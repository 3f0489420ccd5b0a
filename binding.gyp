{
  "target_defaults": {
    "cflags": ["-Wall", "-Wextra", "-Werror", "-Wno-cast-function-type", "-fvisibility=hidden"],
    "cflags_cc": ["-std=c++17", "-fexceptions"],
    "cflags_cc!": ["-fno-exceptions"],
    "defines": ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
    "include_dirs": ["<!@(node -p \"require('node-addon-api').include_dir\")", "bpf"]
  },
  "targets": [
    {
      "target_name": "taptrace",
      "sources": [
        "native/addon.cc",
        "native/error.cc",
        "native/ethtool.cc",
        "native/btf.cc",
        "native/capabilities.cc",
        "native/cgroup.cc",
        "native/chunk_buffer.cc",
        "native/memlock.cc",
        "native/netfilter_link.cc",
        "native/netlink_listener.cc",
        "native/nft_list.cc",
        "native/system.cc",
        "native/fold.cc",
        "native/object.cc",
        "native/prepare.cc",
        "native/splice.cc",
        "native/record_scan.cc",
        "native/recording_writer.cc",
        "native/ring.cc",
        "native/rounds.cc",
        "native/tcx.cc",
        "native/poll.cc",
        "native/session.cc",
        "native/xdp.cc"
      ],
      "cflags": ["<!@(pkg-config --cflags libbpf)"],
      "libraries": ["<!@(pkg-config --libs libbpf)"]
    },
    {
      "target_name": "filter",
      "sources": ["native/filter.cc", "native/classic_bpf.cc", "native/live_pcap.cc"],
      "cflags": ["<!@(pkg-config --cflags libpcap)"],
      "libraries": ["<!@(pkg-config --libs libpcap)"]
    }
  ]
}
