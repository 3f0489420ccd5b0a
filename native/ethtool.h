// The counters that a device's driver keeps for itself.
#pragma once

#include <napi.h>

namespace taptrace {

void export_ethtool(Napi::Env env, Napi::Object exports);

}  // namespace taptrace
