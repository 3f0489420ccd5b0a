// The XDP program of a device: which function it is, for a program of ours at its return.
#pragma once

#include <napi.h>

#include <string>

namespace taptrace {

/** A descriptor of the BPF program of this number, or a negative errno; needs CAP_SYS_ADMIN. */
int open_program(unsigned id);

/** The BTF name of a program's main function; "" where it has no BTF. */
std::string main_function(int program_fd);

void export_xdp(Napi::Env env, Napi::Object exports);

}  // namespace taptrace
