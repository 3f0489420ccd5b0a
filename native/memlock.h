// Whether BPF memory counts against RLIMIT_MEMLOCK here.
#pragma once

#include <napi.h>

namespace taptrace {

void export_memlock(Napi::Env env, Napi::Object exports);

}  // namespace taptrace
