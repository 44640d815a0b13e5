// What happened, for reports and people: one object an event under results/, keyed by its identity, so that
// repeating a step after a crash writes the same object again and nothing is counted twice.
//
//   results/drift/<event>.json
//   results/retrains/<event>.json
//   results/swaps/<run>-<consumer>-<release timestamp>-<row>.json
//
// A store may hold the events of several runs: an event's id is "<run>-<row>", and run_of_event tells the
// run. Reading leaves out what cannot be read, with a warning: a report is still worth having without it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "store/store.h"

namespace drst {

/// "<run>" of an event id "<run>-<row>"; empty if it is of another form.
std::string run_of_event(std::string_view id);

struct FeatureShare {
  std::string feature;
  double divergence = 0;  ///< bits
};
struct VnfShare {
  std::string vnf;
  double share = 0;       ///< of all features' divergence, 0..1
  double divergence = 0;  ///< bits, mean over its features
};
struct DriftEvent {
  std::string id;
  std::string stage;       ///< of the record at `row`, for the report only
  int64_t row = 0;         ///< at which the alarm was raised
  int64_t change_row = 0;  ///< estimated first row of the new regime
  double signal_bits = 0, threshold_bits = 0;
  std::string tier;
  std::vector<FeatureShare> top_features;  ///< largest first, at most 10
  Time when{};
  std::string voice = {};      ///< that raised it: "window", "recent <records>", "split", "columns", "error"
  double threshold_error = 0;  ///< standard error of threshold_bits; 0: a setting, not an estimate
  /// What the threshold follows from: "history", "baseline", "labels" or "setting".
  std::string calibrated_on = {};
  std::vector<VnfShare> vnfs = {};                               ///< largest first, as many as top_features
  std::vector<std::string> columns_gone = {}, columns_new = {};  ///< of voice "columns", at most 100 each
};
struct RetrainEvent {
  /// "answer" to a drift, or "rollback" to `release`. A published refit ("refit" in summaries) writes no
  /// event: its release says all there is, and there may be hundreds.
  std::string kind = "answer";
  std::string id;   ///< of the drift event it answers; rollback-<run>-<row>
  int64_t row = 0;  ///< stream row at which the decision was taken
  std::string tier;
  int64_t candidates = 0;
  double wall_ms = 0;  ///< measured; the one field that may differ between equal runs
  double val_rmse = 0, live_val_rmse = 0;
  double val_loss = 0, live_val_loss = 0, baseline_val_loss = 0;  ///< mean(min(e, 1)) on the held-out blocks
  int64_t labels = 0;
  bool published = false;
  std::string release;
  std::string reason;
};
struct SwapEvent {
  int64_t row = 0;  ///< first row predicted with it (largest row seen + 1 of that consumer)
  std::string consumer;
  std::string release;
  double load_ms = 0;  ///< measured
  bool rollback = false;
  std::string run;  ///< whose rows that consumer predicts; empty: no row of a run has come yet
};

void write_event(ObjectStore& store, const DriftEvent& event);
void write_event(ObjectStore& store, const RetrainEvent& event);
void write_event(ObjectStore& store, const SwapEvent& event);
std::vector<std::string> drift_event_keys(ObjectStore& store);  ///< of all runs
std::vector<DriftEvent> read_drift_events(ObjectStore& store);  ///< of all runs, by row
std::vector<RetrainEvent> read_retrain_events(ObjectStore& store);
std::vector<SwapEvent> read_swap_events(ObjectStore& store);  ///< by row, consumer

}  // namespace drst
