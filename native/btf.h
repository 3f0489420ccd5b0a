// Questions to BTF: the running kernel's, and a compiled object's.
#pragma once

#include <napi.h>

struct btf;

namespace taptrace {

/** The kernel's BTF, parsed once an environment; null where the kernel has none. */
class KernelBtf {
 public:
  KernelBtf() = default;
  ~KernelBtf();
  KernelBtf(const KernelBtf&) = delete;
  KernelBtf& operator=(const KernelBtf&) = delete;
  btf* get();
  void release();

 private:
  btf* btf_ = nullptr;
  bool tried_ = false;
};

void export_btf(Napi::Env env, Napi::Object exports);

}  // namespace taptrace
