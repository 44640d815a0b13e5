#include "collect/settings.h"

namespace drst {

void describe(SettingsVisitor& visitor, CollectSettings& settings) {
  visitor.visit("interval_s", settings.interval_s,
                {"s",
                 "between two rows. Models are trained on rows of a second; another interval needs tables of "
                 "the same",
                 0.01, 3600});
  visitor.visit("patience", settings.patience,
                {"1",
                 "share of the interval that answers over sockets and HTTP are waited for; what comes later "
                 "is missing in its row, and the row is not late",
                 0, 0.9});
  visitor.visit(
      "header_wait_s", settings.header_wait_s,
      {"s",
       "a start waits so long for sources that learn their columns from a header; columns that come "
       "later go to the log, but not into a CSV file, whose header is fixed",
       0, 3600});
  visitor.visit(
      "stale", settings.stale,
      {"1",
       "a line of a followed tool counts until it is so many intervals old: its clock and ours beat "
       "against one another, so one tick may see no new line",
       1, 1000});
  visitor.visit(
      "restart_wait_s", settings.restart_wait_s,
      {"s", "before an ended command is started again; doubles with each failure, to a minute", 0.01, 60});
  visitor.visit("sync_s", settings.sync_s,
                {"s", "rows in a CSV file are on disk after this; each row is written at once", 0, 3600});
  visitor.visit(
      "lags", settings.lags,
      {"",
       "send the previous row's counters, too, as <column>@-1, where nothing is missing between the "
       "two; stream.lags is for tables, and off for the prototype's consumers"});
  visitor.visit(
      "queue_rows", settings.queue_rows,
      {"rows",
       "so many rows wait in memory while the log or the disk is away, an hour by default; then the "
       "oldest are dropped and counted",
       1, 1e6});
  visitor.visit("max_line_bytes", settings.max_line_bytes,
                {"bytes", "a followed line beyond this is passed over and counted", 256, 1 << 30});
  visitor.visit("max_answer_bytes", settings.max_answer_bytes,
                {"bytes", "an answer over a socket or HTTP beyond this is not taken", 1024, 1 << 30});
  visitor.visit("max_columns", settings.max_columns,
                {"columns", "of one source; further ones are left out, and that is said", 1, 65536});
}

}  // namespace drst
