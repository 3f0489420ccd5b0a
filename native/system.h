// What needs a system call that Node does not offer: clocks, netlink, and doing one thing in
// another network namespace (on a thread of its own, so that the calling thread never leaves its
// namespace).
#pragma once

#include <napi.h>

#include <functional>
#include <string>

namespace taptrace {

/**
 * Runs `work` in the namespace at `path` ("" = the caller's). `work` returns a non-negative value
 * or a negative errno; so does this, with the errno of entering the namespace.
 */
int run_in_netns(const std::string& path, const std::function<int()>& work);

void export_system(Napi::Env env, Napi::Object exports);

}  // namespace taptrace
