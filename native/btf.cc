#include "btf.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "addon.h"
#include "error.h"

namespace taptrace {

KernelBtf::~KernelBtf() { btf__free(btf_); }

void KernelBtf::release() {
  btf__free(btf_);
  btf_ = nullptr;
  tried_ = false;
}

btf* KernelBtf::get() {
  if (!tried_) {
    LogCapture quiet;
    tried_ = true;
    btf_ = btf__load_vmlinux_btf();
    if (libbpf_get_error(btf_)) btf_ = nullptr;
  }
  return btf_;
}

namespace {

const char* name_of(const btf* types, const btf_type* type) {
  return btf__name_by_offset(types, type->name_off);
}

const btf_type* skip_modifiers(const btf* types, __u32 id) {
  const btf_type* type = btf__type_by_id(types, id);
  while (type && (btf_is_mod(type) || btf_is_typedef(type)))
    type = btf__type_by_id(types, type->type);
  return type;
}

Napi::Object parameter(Napi::Env env, const btf* types, __u32 id) {
  int depth = 0;
  const btf_type* type = skip_modifiers(types, id);
  while (type && btf_is_ptr(type)) {
    depth++;
    type = skip_modifiers(types, type->type);
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("pointerDepth", depth);
  result.Set("type", type ? name_of(types, type) : "void");
  return result;
}

Napi::Value parameters(Napi::Env env, const btf* types, const btf_type* prototype, int first) {
  Napi::Array result = Napi::Array::New(env);
  for (int i = first; i < btf_vlen(prototype); i++)
    result.Set(i - first, parameter(env, types, btf_params(prototype)[i].type));
  return result;
}

btf* kernel_btf(Napi::Env env) { return Addon::of(env).kernel_btf.get(); }

Napi::Value function_parameters(Napi::Env env, const btf* types, const std::string& name) {
  int id = btf__find_by_name_kind(types, name.c_str(), BTF_KIND_FUNC);
  if (id < 0) return env.Null();
  const btf_type* function = btf__type_by_id(types, id);
  return parameters(env, types, btf__type_by_id(types, function->type), 0);
}

/** btfFunction(name, module?): parameters of a kernel function, or null where BTF does not know it.
 */
Napi::Value btf_function(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  btf* types = kernel_btf(env);
  if (!types) return env.Null();
  std::string name = info[0].As<Napi::String>();
  if (!info[1].IsString()) return function_parameters(env, types, name);
  LogCapture quiet;
  btf* module = btf__load_module_btf(info[1].As<Napi::String>().Utf8Value().c_str(), types);
  if (libbpf_get_error(module)) return env.Null();
  Napi::Value result = function_parameters(env, module, name);
  btf__free(module);
  return result;
}

/** releaseBtf(): gives back the parsed BTF, several MiB; it is read again when it is needed again.
 */
void release_btf(const Napi::CallbackInfo& info) { Addon::of(info.Env()).kernel_btf.release(); }

/** btfTracepoint(name): arguments of a tracepoint's BTF prototype (its context pointer left out).
 */
Napi::Value btf_tracepoint(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  btf* types = kernel_btf(env);
  if (!types) return env.Null();
  std::string name = "btf_trace_" + info[0].As<Napi::String>().Utf8Value();
  int id = btf__find_by_name_kind(types, name.c_str(), BTF_KIND_TYPEDEF);
  if (id < 0) return env.Null();
  const btf_type* pointer = skip_modifiers(types, id);
  if (!pointer || !btf_is_ptr(pointer)) return env.Null();
  return parameters(env, types, btf__type_by_id(types, pointer->type), 1);
}

/** btfHasMember(struct, member): whether a kernel struct has a member of this name. */
Napi::Value btf_has_member(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  btf* types = kernel_btf(env);
  std::string name = info[0].As<Napi::String>(), member = info[1].As<Napi::String>();
  int id = types ? btf__find_by_name_kind(types, name.c_str(), BTF_KIND_STRUCT) : -ENOENT;
  if (id < 0) return Napi::Boolean::New(env, false);
  const btf_type* type = btf__type_by_id(types, id);
  for (int i = 0; i < btf_vlen(type); i++)
    if (member == btf__name_by_offset(types, btf_members(type)[i].name_off))
      return Napi::Boolean::New(env, true);
  return Napi::Boolean::New(env, false);
}

/** tryFentry(function): null if an empty fentry program for it loads, else the error's name. */
Napi::Value try_fentry(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  btf* types = kernel_btf(env);
  std::string name = info[0].As<Napi::String>();
  int id = types ? btf__find_by_name_kind(types, name.c_str(), BTF_KIND_FUNC) : -ENOENT;
  if (id < 0) return Napi::String::New(env, "ENOENT");
  bpf_insn insns[2] = {};
  insns[0].code = BPF_ALU64 | BPF_MOV | BPF_K;  // r0 = 0
  insns[1].code = BPF_JMP | BPF_EXIT;
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_FENTRY);
  options.attach_btf_id = id;
  int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "try", "Dual BSD/GPL", insns, 2, &options);
  if (fd < 0) return Napi::String::New(env, strerrorname_np(errno));
  close(fd);
  return env.Null();
}

Napi::Value enum_values(Napi::Env env, const btf* types, const std::string& name) {
  int id = btf__find_by_name_kind(types, name.c_str(), BTF_KIND_ENUM);
  if (id < 0) return env.Null();
  const btf_type* type = btf__type_by_id(types, id);
  Napi::Object result = Napi::Object::New(env);
  for (int i = 0; i < btf_vlen(type); i++) {
    const struct btf_enum& value = btf_enum(type)[i];
    result.Set(btf__name_by_offset(types, value.name_off), value.val);
  }
  return result;
}

/** btfEnum(name, module?): the values of an enum of the kernel, or of a module, by name; or null.
 */
Napi::Value kernel_enum(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  btf* types = kernel_btf(env);
  if (!types) return env.Null();
  std::string name = info[0].As<Napi::String>();
  if (!info[1].IsString()) return enum_values(env, types, name);
  LogCapture quiet;
  btf* module = btf__load_module_btf(info[1].As<Napi::String>().Utf8Value().c_str(), types);
  if (libbpf_get_error(module)) return env.Null();
  Napi::Value result = enum_values(env, module, name);
  btf__free(module);
  return result;
}

btf* object_btf(Napi::Env env, Napi::Uint8Array bytes) {
  LogCapture log;
  LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "layout");
  bpf_object* object = bpf_object__open_mem(bytes.Data(), bytes.ByteLength(), &options);
  if (libbpf_get_error(object)) throw system_error(env, "open BPF object", errno, log.text());
  __u32 size = 0;
  const void* raw = btf__raw_data(bpf_object__btf(object), &size);
  btf* copy = btf__new(raw, size);
  bpf_object__close(object);
  if (libbpf_get_error(copy)) throw system_error(env, "read BTF of BPF object", errno, log.text());
  return copy;
}

/** objectEnum(object, name): the values of an enum in a compiled object, or null. */
Napi::Value object_enum(const Napi::CallbackInfo& info) {
  btf* types = object_btf(info.Env(), info[0].As<Napi::Uint8Array>());
  Napi::Value result = enum_values(info.Env(), types, info[1].As<Napi::String>());
  btf__free(types);
  return result;
}

/** structLayout(object, name): size and members of a struct in a compiled object. */
Napi::Value struct_layout(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  btf* types = object_btf(env, info[0].As<Napi::Uint8Array>());
  std::string name = info[1].As<Napi::String>();
  int id = btf__find_by_name_kind(types, name.c_str(), BTF_KIND_STRUCT);
  if (id < 0) {
    btf__free(types);
    return env.Null();
  }
  const btf_type* type = btf__type_by_id(types, id);
  Napi::Array members = Napi::Array::New(env);
  for (int i = 0; i < btf_vlen(type); i++) {
    const btf_member& member = btf_members(type)[i];
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", btf__name_by_offset(types, member.name_off));
    entry.Set("offset", btf_member_bit_offset(type, i) / 8);
    entry.Set("bytes", static_cast<double>(btf__resolve_size(types, member.type)));
    members.Set(i, entry);
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("bytes", type->size);
  result.Set("members", members);
  btf__free(types);
  return result;
}

}  // namespace

void export_btf(Napi::Env env, Napi::Object exports) {
  exports.Set("btfFunction", Napi::Function::New(env, btf_function));
  exports.Set("releaseBtf", Napi::Function::New(env, release_btf));
  exports.Set("btfTracepoint", Napi::Function::New(env, btf_tracepoint));
  exports.Set("btfHasMember", Napi::Function::New(env, btf_has_member));
  exports.Set("tryFentry", Napi::Function::New(env, try_fentry));
  exports.Set("btfEnum", Napi::Function::New(env, kernel_enum));
  exports.Set("objectEnum", Napi::Function::New(env, object_enum));
  exports.Set("structLayout", Napi::Function::New(env, struct_layout));
}

}  // namespace taptrace
