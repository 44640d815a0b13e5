// The predictions of a run, from the log into the store.
#pragma once

#include <string>

#include "report/report.h"
#include "store/store.h"
#include "stream/log.h"

namespace drst {

/// The run's whole trace from the log into each target's part of the store. Where retention has shortened the
/// topic of a trace, what an earlier call had stored of the run stays, and LogFacts::retention says what is
/// gone.
LogFacts write_traces(Log& log, ObjectStore& store, const std::string& topic, const RunFacts& facts);

/// "retention has removed what was in topic T before offset 12 of partition 0"; "": nothing.
std::string what_retention_took(Log& log, const std::string& topic);

}  // namespace drst
