#include "cgroup.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <mntent.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace taptrace {

namespace {

constexpr char kFileSystem[] = "cgroup2";
constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
/** Of the root alone (kernel/cgroup/cgroup.c, cgroup_setup_root, since 5.5). */
constexpr ino_t kRootInode = 1;

bool is_root(int fd) {
  struct statfs system;
  struct stat entry;
  return !fstatfs(fd, &system) && system.f_type == CGROUP2_SUPER_MAGIC && !fstat(fd, &entry) &&
         entry.st_ino == kRootInode;
}

/** A mount may show a part of the hierarchy, or lie under another one. */
int open_if_root(int directory, const char* path) {
  int fd = openat(directory, path, kDirectory);
  if (fd < 0) return -errno;
  if (is_root(fd)) return fd;
  close(fd);
  return -EXDEV;
}

int find_mounted() {
  FILE* mounts = setmntent("/proc/self/mounts", "re");
  if (!mounts) return -errno;
  int fd = -ENOENT;
  while (const mntent* mount = fd < 0 ? getmntent(mounts) : nullptr)
    if (!strcmp(mount->mnt_type, kFileSystem)) fd = open_if_root(AT_FDCWD, mount->mnt_dir);
  endmntent(mounts);
  return fd;
}

/** A mount in no namespace: it goes with its descriptor (fsmount(2)). */
int mount_detached() {
  int context = syscall(SYS_fsopen, kFileSystem, FSOPEN_CLOEXEC);
  if (context < 0) return -errno;
  int mount = syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0)
                  ? -1
                  : syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
  int result = mount < 0 ? -errno : mount;
  close(context);
  return result;
}

}  // namespace

int open_cgroup_root() {
  int fd = find_mounted();
  if (fd >= 0) return fd;
  int mount = mount_detached();
  if (mount < 0) return mount;
  fd = open_if_root(mount, ".");
  close(mount);
  return fd;
}

}  // namespace taptrace
