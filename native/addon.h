// What belongs to one JavaScript environment (main thread or worker); there are no mutable globals.
#pragma once

#include <napi.h>

#include "btf.h"

namespace taptrace {

struct Addon {
  KernelBtf kernel_btf;
  Napi::FunctionReference session_constructor;

  static Addon& of(Napi::Env env) { return *env.GetInstanceData<Addon>(); }
};

}  // namespace taptrace
