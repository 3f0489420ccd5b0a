// Entry point of taptrace.node: carries bytes between the kernel and JavaScript, knows no
// networking.
#include "addon.h"

#include "btf.h"
#include "capabilities.h"
#include "error.h"
#include "ethtool.h"
#include "memlock.h"
#include "netlink_listener.h"
#include "nft_list.h"
#include "prepare.h"
#include "recording_writer.h"
#include "session.h"
#include "system.h"
#include "xdp.h"

namespace taptrace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Addon());
  install_log_capture();
  install_preparation();
  export_btf(env, exports);
  export_capabilities(env, exports);
  export_ethtool(env, exports);
  export_memlock(env, exports);
  export_nft_list(env, exports);
  export_system(env, exports);
  export_xdp(env, exports);
  NetlinkListener::export_class(env, exports);
  Session::export_class(env, exports);
  RecordingWriter::export_class(env, exports);
  return exports;
}

NODE_API_MODULE(taptrace, init)

}  // namespace taptrace
