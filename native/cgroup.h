// The root of the cgroup v2 hierarchy, to which every inet socket of the machine belongs.
#pragma once

namespace taptrace {

/**
 * A descriptor of that root, or a negative errno: EPERM (cgroup2 is mounted nowhere, and to mount
 * it takes CAP_SYS_ADMIN), EXDEV (what this cgroup namespace calls its root is not it), ENODEV (the
 * kernel has no cgroup2). Mounts nothing that anybody could see.
 */
int open_cgroup_root();

}  // namespace taptrace
