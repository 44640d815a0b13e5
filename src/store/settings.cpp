#include "store/settings.h"

namespace drst {

void describe(SettingsVisitor& visitor, StoreSettings& s) {
  visitor.visit("leftover_age_s", s.leftover_age_s,
                {"s",
                 "Age at which the temporary file of a crashed writer is removed from a local store. Far "
                 "above the time "
                 "that any write takes, so that no living writer loses its file.",
                 60, 1e9});
  visitor.visit("mode", s.mode,
                {"",
                 "Of an s3:// store. write-behind: each write lands on local disk and is uploaded in the "
                 "background, so that nothing waits for the network and an outage loses nothing. direct: "
                 "each write waits for the service.",
                 -1,
                 1,
                 {"write-behind", "direct"}});
  visitor.visit("spool", s.spool,
                {"",
                 "Folder where writes wait for upload; processes of one machine share it. It must survive a "
                 "restart. Empty: $STATE_DIRECTORY (which systemd sets), $XDG_STATE_HOME/drst, or "
                 "~/.local/state/drst."});
  visitor.visit("queue_limit_mib", s.queue_limit_mib,
                {"MiB",
                 "Where more waits for upload, the oldest telemetry is dropped (and counted), never anything "
                 "else. The default holds days of an outage.",
                 1, 1e9});
  visitor.visit("keep_mib", s.keep_mib,
                {"MiB",
                 "Copies of objects that were uploaded or read, for when the service is away; the longest "
                 "unused go first.",
                 0, 1e9});
  visitor.visit("read_wait_s", s.read_wait_s,
                {"s",
                 "A read waits so long for a connection, and again for each sign of life, before what this "
                 "machine knows is the answer. A slow service still answers.",
                 0.05, 3600});
  visitor.visit(
      "read_again_s", s.read_again_s,
      {"s", "After such a read, so long none asks the service, so that polls do not wait each time.", 0,
       3600});
  visitor.visit("retry_s", s.retry_s,
                {"s", "Wait after an upload that failed, doubled for each further one.", 0.01, 3600});
  visitor.visit("retry_limit_s", s.retry_limit_s,
                {"s", "Bound of that doubling: so soon after an outage the uploads go on.", 0.01, 86'400});
  visitor.visit(
      "close_wait_s", s.close_wait_s,
      {"s",
       "So long a process waits at its end for its uploads; what is left goes up with the next one, "
       "or by `drst store flush`. After a signal one second at most.",
       0, 3600});
}

}  // namespace drst
