// The ruleset of nf_tables in nft's own words.
#pragma once

#include <napi.h>

namespace taptrace {

void export_nft_list(Napi::Env env, Napi::Object exports);

}  // namespace taptrace
