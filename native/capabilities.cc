// capset(2) acts on the calling thread alone, so every thread has to be made to call it. A signal
// does that: one of the two that the C library keeps for itself (its own setuid works like this),
// because no thread blocks those; Node's inspector thread blocks all others. libpsx is no help: the
// one of Debian 12 (2.66) knows only threads that were started through its own pthread_create.
#include "capabilities.h"

#include <dirent.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "error.h"

namespace taptrace {

namespace {

constexpr int kSignal = __SIGRTMIN + 1;
constexpr auto kPatience = std::chrono::milliseconds(1000);
constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 100'000};

/** What the kernel calls struct kernel_sigaction: the C library does not hand its own signals out.
 */
struct KernelAction {
  void (*handler)(int, siginfo_t*, void*);
  unsigned long flags;
  void (*restorer)();
  uint64_t mask;
};

// A signal handler gets no argument of ours. Written before the first signal is sent.
uint64_t kept_mask;

int set_capabilities(uint64_t permitted, uint64_t effective) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2]{};
  for (int word = 0; word < 2; word++) {
    data[word].permitted = permitted >> (32 * word);
    data[word].effective = effective >> (32 * word);
  }
  return syscall(SYS_capset, &header, data) ? -errno : 0;
}

/** Nothing but system calls. Without inheritable capabilities there are no ambient ones
 * (cap_capset). */
int keep_of_thread(uint64_t kept) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2]{};
  if (syscall(SYS_capget, &header, data)) return -errno;
  auto joined = [&](auto member) {
    return data[0].*member | static_cast<uint64_t>(data[1].*member) << 32;
  };
  // Or root would get everything back by executing a program.
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return set_capabilities(joined(&__user_cap_data_struct::permitted) & kept,
                          joined(&__user_cap_data_struct::effective) & kept);
}

void on_signal(int, siginfo_t*, void*) {
  int error_number = errno;
  keep_of_thread(kept_mask);
  errno = error_number;
}

std::string read_status(const std::string& tid) {
  std::string path = "/proc/self/task/" + tid + "/status", text(4096, '\0');
  FILE* file = fopen(path.c_str(), "re");
  if (!file) return "";
  text.resize(fread(text.data(), 1, text.size(), file));
  fclose(file);
  return text;
}

uint64_t status_mask(const std::string& status, const char* name) {
  size_t at = status.find(name);
  return at == std::string::npos ? 0 : strtoull(status.c_str() + at + strlen(name), nullptr, 16);
}

/** A thread that has ended has no status and no capabilities. */
bool has_more(const std::string& status) {
  return (status_mask(status, "\nCapPrm:") & ~kept_mask) ||
         (status_mask(status, "\nCapEff:") & ~kept_mask) || status_mask(status, "\nCapInh:") ||
         status_mask(status, "\nCapAmb:");
}

std::vector<std::string> threads_with_more() {
  std::vector<std::string> found;
  DIR* tasks = opendir("/proc/self/task");
  if (!tasks) return {"self"};
  while (dirent* entry = readdir(tasks))
    if (entry->d_name[0] != '.' && has_more(read_status(entry->d_name)))
      found.push_back(entry->d_name);
  closedir(tasks);
  return found;
}

/** With si_code SI_QUEUE: a thread that takes it late gives it to the C library, which leaves it
 * alone. */
void signal_thread(pid_t tid) {
  siginfo_t info{};
  info.si_signo = kSignal;
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  info.si_uid = getuid();
  syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, kSignal, &info);
}

int kernel_action(int signal, const KernelAction* action, KernelAction* before) {
  return syscall(SYS_rt_sigaction, signal, action, before, sizeof(action->mask)) ? -errno : 0;
}

/** Our handler for the signal, while alive. */
class Handler {
 public:
  Handler() {
    // The C library completes the action (its restorer) for a signal that it does hand out.
    struct sigaction action {
    }, other{};
    KernelAction completed{};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigfillset(&action.sa_mask);
    sigaction(SIGRTMAX, &action, &other);
    kernel_action(SIGRTMAX, nullptr, &completed);
    sigaction(SIGRTMAX, &other, nullptr);
    kernel_action(kSignal, &completed, &before_);
  }
  ~Handler() { kernel_action(kSignal, &before_, nullptr); }
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;

 private:
  KernelAction before_{};
};

/** A thread that starts while we look may be missed by one look, and has its creator's
 * capabilities. */
constexpr int kLooks = 2;

/** Ids of threads that still have more, after having waited for them. */
std::vector<std::string> drop_in_every_thread() {
  Handler handler;
  std::set<std::string> told;
  auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::vector<std::string> left;
  for (int looks = 0; looks < kLooks;) {
    left = threads_with_more();
    looks = left.empty() ? looks + 1 : 0;
    for (const auto& tid : left)
      if (told.insert(tid).second) signal_thread(atoi(tid.c_str()));
    if (left.empty()) continue;
    if (std::chrono::steady_clock::now() > deadline) break;
    nanosleep(&kPause, nullptr);
  }
  return left;
}

std::string status_name(const std::string& status) {
  size_t from = status.find('\t') + 1;
  return status.substr(from, status.find('\n') - from);
}

/** dropCapabilities(kept: number[]): the threads that still have more, as {tid, name}. */
Napi::Value drop_capabilities(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto kept = info[0].As<Napi::Array>();
  kept_mask = 0;
  for (uint32_t i = 0; i < kept.Length(); i++)
    kept_mask |= 1ULL << kept.Get(i).ToNumber().Uint32Value();
  if (int error = keep_of_thread(kept_mask)) throw system_error(env, "drop capabilities", -error);
  Napi::Array result = Napi::Array::New(env);
  for (const auto& tid : drop_in_every_thread()) {
    Napi::Object thread = Napi::Object::New(env);
    thread.Set("tid", Napi::Number::New(env, atoi(tid.c_str())));
    thread.Set("name", Napi::String::New(env, status_name(read_status(tid))));
    result.Set(result.Length(), thread);
  }
  return result;
}

}  // namespace

int drop_all_of_thread() { return set_capabilities(0, 0); }

void export_capabilities(Napi::Env env, Napi::Object exports) {
  exports.Set("dropCapabilities", Napi::Function::New(env, drop_capabilities));
}

}  // namespace taptrace
