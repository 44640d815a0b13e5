// A run that another producer than ours has made, such as the research prototype: what its records say of it.
//
// Our producer leaves a run's facts and its truth in the store (ingest/producer.h). Of another's run the log
// is all there is: labels inline, or late where records have ids; stages; the times of sending. From them
// come the same two objects, results/runs/<run>.json and results/truth/<run>.npz, marked as foreign and made
// anew by each report, so that all else reads them as ever. A record without an id is named by its place on
// the topic (place_id); rows are the ids' where each record has one, else the order of send_ts.
#pragma once

#include <string>
#include <vector>

#include "report/summary.h"
#include "store/store.h"
#include "stream/log.h"
#include "stream/record.h"

namespace drst {

struct ForeignRun {
  RunFacts facts;
  std::vector<std::string> notes;  ///< for Summary::notes: that it has not ended, what retention has taken
};

/// `facts`: what the caller knows of it, at least the targets; run_id empty: of the one run that the topic
/// holds. Reads all of the topic. InputError if the topic holds no record of the run, or several runs and
/// none is named.
ForeignRun adopt_foreign_run(Log& log, ObjectStore& store, const std::string& topic, RunFacts facts,
                             const WireLimits& limits);

}  // namespace drst
