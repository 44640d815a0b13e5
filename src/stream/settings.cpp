#include "stream/settings.h"

namespace drst {

void describe(SettingsVisitor& v, LogSettings& s) {
  v.visit("block_bytes", s.block_bytes,
          {"bytes",
           "records of one partition share a stored value up to this size. One record of 2.3 kB a value "
           "would waste half "
           "the disk in overflow pages; 8 pages of 4096 less the page header waste 3 %, and an append of one "
           "record "
           "rewrites at most this much.",
           1024, 16 << 20});
  v.visit("max_record_bytes", s.max_record_bytes,
          {"bytes", "a larger record is refused: a bound on what one append and one read hold in memory.",
           1024, 1 << 30});
  v.visit("map_initial_mib", s.map_initial_mib,
          {"MiB",
           "address space mapped at first; doubled whenever the log outgrows it, so it costs nothing but a "
           "remapping.",
           1, 1 << 20});
  v.visit("map_limit_mib", s.map_limit_mib,
          {"MiB",
           "the log may not grow beyond this: an append that would is refused and changes nothing (1 TiB).",
           1, 1 << 24});
  v.visit("max_readers", s.max_readers,
          {"1", "reader slots of the log, one for each consumer and thread that reads, over all processes.",
           8, 32768});
  v.visit(
      "retention_records", s.retention_records,
      {"records",
       "each partition keeps at least this many newest records; older blocks go at an append. 0: keep all.",
       0, 1e15});
  v.visit("retention_bytes", s.retention_bytes,
          {"bytes",
           "each partition keeps at least this many newest bytes; older blocks go at an append. 0: keep all.",
           0, 1e18});
  v.visit("retention_age_s", s.retention_age_s,
          {"s", "blocks whose newest record is older than this go at an append. 0: keep all.", 0, 1e12});
}

void describe(SettingsVisitor& v, ReaderSettings& s) {
  v.visit("reorder_bound", s.reorder_bound,
          {"rows", "records waited for at most when partitions run apart", 1, 1e6});
  v.visit("max_missing_fraction", s.max_missing_fraction,
          {"1",
           "a record that lacks more of the columns that records lately had is unusable; half still holds "
           "the other half",
           0, 1});
  v.visit("lease_s", s.lease_s,
          {"s",
           "a monitor or retrainer that has not read for so long may be replaced by another one: longer "
           "than a step, and nobody wants to wait longer for an heir",
           0.1, 3600});
}

}  // namespace drst
