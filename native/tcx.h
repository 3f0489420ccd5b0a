// tcx: programs at a device's tc hooks that are held by a link, and so never outlive their owner.
#pragma once

#include <string>

namespace taptrace {

/**
 * Puts the program before all others at the device's ingress or egress; the link's descriptor or a
 * negative errno (EINVAL: no tcx, before kernel 6.6).
 */
int attach_tcx(int program_fd, const std::string& netns, int ifindex, bool egress);

/** Whether such a link could be had: 0 or a negative errno. Attaches nothing. */
int try_tcx(int program_fd, bool egress);

}  // namespace taptrace
