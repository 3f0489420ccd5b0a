// filter.node: compiles tcpdump's filter language with libpcap and runs it over records. A module
// of its own, so that tracing without a filter works where libpcap is not installed.
#include <linux/types.h>
#include <napi.h>
#include <pcap/pcap.h>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "classic_bpf.h"
#include "event.h"
#include "live_pcap.h"

namespace taptrace {

namespace {

/** What tcpdump hands to libpcap for a file and for "any": of directed broadcasts `ip broadcast`
 * then knows nothing. */
constexpr bpf_u_int32 kNoNetmask = 0;

/** The packet of a record, from (bytes, record, data, capLen, len): `data` may lie elsewhere than
 * behind the header. */
FilterPacket packet_of(const Napi::CallbackInfo& info) {
  auto bytes = info[0].As<Napi::Uint8Array>();
  uint32_t offset = info[1].As<Napi::Number>(), data = info[2].As<Napi::Number>();
  uint32_t cap_len = info[3].As<Napi::Number>(), len = info[4].As<Napi::Number>();
  if (offset + sizeof(tap_record) > bytes.ByteLength() || data + cap_len > bytes.ByteLength())
    throw Napi::RangeError::New(info.Env(), "the record lies outside its buffer");
  auto record = reinterpret_cast<const tap_record*>(bytes.Data() + offset);
  FilterPacket packet{};
  packet.bytes = bytes.Data() + data;
  packet.cap_len = cap_len;
  packet.len = len;
  packet.ifindex = record->ifindex;
  packet.mark = record->mark;
  packet.hash = record->hash;
  packet.queue = record->queue;
  packet.cpu = record->cpu;
  packet.protocol = record->protocol;
  packet.link_type = record->link_type;
  packet.vlan_tci = record->vlan_tci;
  packet.vlan_protocol = record->vlan_protocol;
  packet.vlan_present = record->present & TAP_HAS_VLAN;
  packet.packet_type = record->packet_type;
  packet.has_metadata = true;
  return packet;
}

/** 0 no, 1 yes, 2 undecided. */
Napi::Value verdict(Napi::Env env, std::optional<uint32_t> wanted) {
  return Napi::Number::New(env, wanted ? *wanted != 0 : 2);
}

/**
 * Filter(expression, dlt, optimize, use): throws with libpcap's message. `use` is "file", as
 * libpcap evaluates a capture file; "socket", the same code as the kernel evaluates it; or "live",
 * code for a live capture on an Ethernet device: where no such can be had, `notLive` is the reason
 * and the code is the one for a file.
 */
class Filter : public Napi::ObjectWrap<Filter> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Filter",
                       {InstanceAccessor<&Filter::not_live>("notLive"),
                        InstanceMethod<&Filter::instructions>("instructions"),
                        InstanceMethod<&Filter::listing>("listing"),
                        InstanceMethod<&Filter::match_record>("matchRecord"),
                        InstanceMethod<&Filter::match_bytes>("matchBytes"),
                        InstanceMethod<&Filter::match_libpcap>("matchLibpcap")});
  }

  explicit Filter(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Filter>(info) {
    std::string expression = info[0].As<Napi::String>();
    int dlt = info[1].As<Napi::Number>();
    bool optimize = info.Length() < 3 || info[2].ToBoolean();
    std::string use = info.Length() > 3 ? info[3].As<Napi::String>() : std::string("file");
    PcapHandle handle;
    if (use == "live") handle = open_live_pcap(TAP_SNAPLEN_MAX, not_live_);
    if (use != "file") dialect_ = ClassicDialect::kernel;
    if (!handle) handle.reset(pcap_open_dead(dlt, TAP_SNAPLEN_MAX));
    if (pcap_compile(handle.get(), &program_, expression.c_str(), optimize, kNoNetmask)) {
      std::string message = pcap_geterr(handle.get());
      if (!not_live_.empty()) message += " (compiled as for a file, for lack of " + not_live_ + ")";
      throw Napi::Error::New(info.Env(), message);
    }
  }

  ~Filter() override { pcap_freecode(&program_); }

 private:
  Napi::Value not_live(const Napi::CallbackInfo& info) {
    return Napi::String::New(info.Env(), not_live_);
  }

  /** Classic instructions, eight bytes each (struct bpf_insn). */
  Napi::Value instructions(const Napi::CallbackInfo& info) {
    return Napi::Buffer<char>::Copy(info.Env(), reinterpret_cast<char*>(program_.bf_insns),
                                    program_.bf_len * sizeof(bpf_insn));
  }

  /** One line an instruction, as `tcpdump -d` prints them. */
  Napi::Value listing(const Napi::CallbackInfo& info) {
    Napi::Array lines = Napi::Array::New(info.Env(), program_.bf_len);
    for (u_int i = 0; i < program_.bf_len; i++)
      lines[i] = Napi::String::New(info.Env(), bpf_image(&program_.bf_insns[i], i));
    return lines;
  }

  /** matchRecord(bytes, record, data, capLen, len, vlan): the tag is the packet's, which at the
   * entry of the receive function is still in the bytes of the record. */
  Napi::Value match_record(const Napi::CallbackInfo& info) {
    FilterPacket packet = packet_of(info);
    int64_t vlan = info[5].As<Napi::Number>();
    packet.vlan_present = vlan >= 0;
    packet.vlan_tci = packet.vlan_present ? vlan & 0xffff : 0;
    packet.vlan_protocol = packet.vlan_present ? vlan >> 16 : 0;
    return verdict(info.Env(), run_classic_bpf(program_, packet, dialect_));
  }

  /** matchBytes(bytes, len): our evaluation over plain bytes. */
  Napi::Value match_bytes(const Napi::CallbackInfo& info) {
    auto bytes = info[0].As<Napi::Uint8Array>();
    FilterPacket packet{};
    packet.bytes = bytes.Data();
    packet.cap_len = bytes.ByteLength();
    packet.len = info[1].As<Napi::Number>();
    return verdict(info.Env(), run_classic_bpf(program_, packet, dialect_));
  }

  /** matchLibpcap(bytes, len): libpcap's own evaluation, the oracle for ours. */
  Napi::Value match_libpcap(const Napi::CallbackInfo& info) {
    auto bytes = info[0].As<Napi::Uint8Array>();
    pcap_pkthdr header{};
    header.caplen = bytes.ByteLength();
    header.len = info[1].As<Napi::Number>();
    return Napi::Boolean::New(info.Env(),
                              pcap_offline_filter(&program_, &header, bytes.Data()) != 0);
  }

  bpf_program program_{};
  ClassicDialect dialect_ = ClassicDialect::libpcap;
  std::string not_live_;
};

/** ClassicProgram(instructions): the filter that the kernel says a socket has. */
class ClassicProgram : public Napi::ObjectWrap<ClassicProgram> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "ClassicProgram",
                       {InstanceMethod<&ClassicProgram::run_record>("runRecord")});
  }

  explicit ClassicProgram(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ClassicProgram>(info) {
    auto bytes = info[0].As<Napi::Uint8Array>();
    instructions_.resize(bytes.ByteLength() / sizeof(bpf_insn));
    memcpy(instructions_.data(), bytes.Data(), instructions_.size() * sizeof(bpf_insn));
  }

 private:
  /** runRecord(bytes, record, data, capLen, len): the bytes it wants; null where that cannot be
   * decided. */
  Napi::Value run_record(const Napi::CallbackInfo& info) {
    bpf_program program{static_cast<u_int>(instructions_.size()), instructions_.data()};
    std::optional<uint32_t> wanted =
        run_classic_bpf(program, packet_of(info), ClassicDialect::kernel);
    return wanted ? Napi::Number::New(info.Env(), *wanted) : info.Env().Null();
  }

  std::vector<bpf_insn> instructions_;
};

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("Filter", Filter::define(env));
  exports.Set("ClassicProgram", ClassicProgram::define(env));
  exports.Set("libpcapVersion", Napi::String::New(env, pcap_lib_version()));
  return exports;
}

}  // namespace

NODE_API_MODULE(filter, init)

}  // namespace taptrace
