// Giving up capabilities for good, in every thread of the process.
#pragma once

#include <napi.h>

namespace taptrace {

/** Takes every capability from the calling thread; threads that it starts have none either. */
int drop_all_of_thread();

void export_capabilities(Napi::Env env, Napi::Object exports);

}  // namespace taptrace
