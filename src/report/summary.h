// The result of a run, from what the run left in its store: traces, truth, events, facts. Start here for
// reports.
//
// `summarize` reads results/*_inference_trace.npz, results/unpredicted.npz, results/truth.npz, the event
// objects (registry/events.h), the judgements, the releases and results/run.json (RunFacts), and computes
// what summary.json holds (docs/summary.schema.json). Scoring is over all rows, prequential, by the truth
// file; nothing here feeds back into a decision. A further target of the run is summed up alike, from its
// part of the store (stream/lane.h) and its labels in the truth file. Pure but for reading the store.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "inference/trace.h"
#include "learn/metrics.h"
#include "registry/events.h"
#include "registry/judgement.h"
#include "registry/registry.h"
#include "store/store.h"
#include "telemetry/resource_record.h"

namespace drst {

struct ComponentResources {
  double cpu_s = 0;
  /// NaN: it shares the memory of "process".
  double rss_peak_mib = std::numeric_limits<double>::quiet_NaN();
  double private_peak_mib = std::numeric_limits<double>::quiet_NaN();
};

/// What a run knows and the other objects do not say; written as results/run.json when it begins and again
/// when it ends.
struct RunFacts {
  std::string run_id;
  uint64_t seed = 0;
  std::vector<std::string> targets = {"output_rate"};
  std::string family;  ///< as asked for; a summary has the baseline's
  std::string clock = "virtual";
  bool simulated_data = false;  ///< no real table was found
  /// Made by a producer that is not ours: known from the log only (pipeline/foreign_run.h).
  bool foreign = false;
  int64_t label_every = 1, label_delay = 0;
  double epsilon = 1e-6;
  double wall_s = 0;         ///< whole run; 0: not known (processes of their own)
  double stream_wall_s = 0;  ///< from first to last record
  int64_t produced = 0;
  std::map<std::string, double> cpu_s;          ///< by component of a run in one process
  std::map<std::string, std::string> settings;  ///< the whole configuration
  std::string code_version;
};
std::string to_json(const RunFacts& facts);
RunFacts parse_run_facts(std::string_view json, const std::string& source);

struct StageResult {
  std::string name;
  int64_t first_row = 0;
  int64_t rows = 0;  ///< predicted; those with a truth to compare with are adaptive.n
  Metrics baseline, adaptive, label_persistence;
};

/// A swap and why the pointer had moved.
struct SwapResult : SwapEvent {
  std::string reason;                 ///< as the pointer's audit trail has it; empty: it has none
  std::optional<Judgement> evidence;  ///< none: no judge moved it (the first release, a person)
};

struct Summary {
  RunFacts facts;
  std::string target = facts.targets.front();
  /// By component: those of RunFacts::cpu_s, and each process that left results/resources/<member>.json.
  /// Those of a further target are here, too, as "<target>/<member>".
  std::map<std::string, ComponentResources> resources;
  std::vector<ResourceRecord> processes;
  int64_t produced = 0, consumed = 0, predicted = 0, duplicates = 0, dead_lettered = 0, lost = 0;
  std::vector<int64_t> lost_rows;  ///< those of `lost`, rising
  double throughput_records_per_s = 0;
  std::vector<StageResult> stages;
  StageResult overall;
  int64_t labels_used = 0;  ///< labels that had arrived by the end of the stream
  std::vector<DriftEvent> drift_events;
  std::vector<RetrainEvent> retrains;  ///< answers, rollbacks, and published refits that no prune has removed
  std::vector<Judgement> judgements;   ///< why the judge moved the pointer, by row
  std::vector<SwapResult> swaps;
  std::vector<ReleaseInfo> releases;
  std::vector<std::string>
      gone_releases;  ///< predicted rows, or were pruned, and are not in the store any more
  /// One a further target, in the order of RunFacts::targets; their records are the same ones.
  std::vector<Summary> further;
  /// What a reader must know before the figures (report/notes.cpp): of this run, what is missing and why.
  std::vector<std::string> notes;
  /// Of this target and all further ones.
  [[nodiscard]] int64_t lost_of_all() const;
};

/// The series that the plots draw, by row.
struct Series {
  std::vector<int64_t> row;
  std::vector<double> truth, baseline, adaptive;
  std::vector<int> stage;       ///< index into Summary::stages
  std::vector<Series> further;  ///< as Summary::further
};

/// Keeps the facts of a run: as results/run.json, which is our producer's newest run's, and under the run's
/// own name.
void put_facts(ObjectStore& store, const RunFacts& facts);
/// Those of a run; empty: of the newest. nullopt: the store does not hold it.
std::optional<RunFacts> find_facts(ObjectStore& store, const std::string& run_id = {});
/// "one, two"
std::string stored_runs(ObjectStore& store);
/// The same as find_facts; InputError if the store does not hold it.
RunFacts read_facts(ObjectStore& store, const std::string& run_id = {});

/// "0 to 812, 900, 903 to 904, and 7 more": rising numbers.
std::string rows_in_words(const std::vector<int64_t>& rows);
/// Of all targets.
std::vector<std::string> all_notes(const Summary& summary);
/// What the summary itself tells of its own target: a run that is not ours, rows that are lost, releases that
/// are gone.
std::vector<std::string> notes_of(const Summary& summary);
/// The name of a record without an id, by its place on the topic.
std::string place_id(int64_t partition, int64_t offset);

/// Of the newest run, or of the named one. InputError if the store does not hold it (says which object is
/// missing).
Summary summarize(ObjectStore& store, Series* series = nullptr, const std::string& run_id = {});
/// The text of summary.json, keys in a fixed order, numbers as shortest round trip.
std::string to_json(const Summary& summary);

}  // namespace drst
