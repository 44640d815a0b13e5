#include <algorithm>
#include <cmath>
#include <limits>

#include "base/log.h"
#include "base/text.h"
#include "registry/events.h"
#include "tuning/judge_state.h"

namespace drst {

using namespace tuning;

namespace {

/// Who the audit trail says moves the pointer.
constexpr std::string_view actor = "judge";

/// A way back among the retrains of a report; its figures are in the judgement.
RetrainEvent rollback_event(const Judgement& judgement) {
  RetrainEvent event;
  event.kind = "rollback";
  event.id = "rollback-" + judgement.run_id + "-" + to_text(judgement.row);
  event.row = judgement.row;
  event.wall_ms = event.val_rmse = event.live_val_rmse = std::numeric_limits<double>::quiet_NaN();
  event.val_loss = event.live_val_loss = event.baseline_val_loss = std::numeric_limits<double>::quiet_NaN();
  event.labels = judgement.labels;
  event.release = judgement.to;
  event.reason = judgement.reason;
  return event;
}

}  // namespace

void Judge::State::begin_trial() {
  // Half-way to the threshold a challenger is worth waiting for.
  if (trial && (!next || trial->over_live.labels() < static_cast<uint64_t>(settings.patience_labels) ||
                trial->over_live.log_e() > -0.5 * std::log(settings.alpha)))
    return;
  if (!next || next->model_key == live->model_key) return;
  trial = Trial{std::move(next), {}, {}};
  next.reset();
}

void Judge::State::collect_evidence(const Prophecy& prophecy, float truth) {
  const double of_live = loss(prophecy.of(live), truth);
  const double of_frozen = loss(prophecy.of(prophecy.frozen), truth);
  if (std::isnan(of_live)) return;  // it was not there yet when the sample came
  if (trial) {
    const double of_challenger = loss(prophecy.of(trial->challenger), truth);
    if (!std::isnan(of_challenger)) {
      trial->over_live.add(of_live - of_challenger);
      trial->over_frozen.add(of_frozen - of_challenger);
    }
  }
  for (auto& watch : watches) {
    const double of_former = loss(prophecy.of(watch.former), truth);
    if (watch.former == live || std::isnan(of_former)) continue;
    watch.over_live.add(of_live - of_former);
    watch.over_frozen.add(of_frozen - of_former);
  }
}

void Judge::State::judge() {
  for (const auto& watch : watches) {
    if (watch.former->model_key == live->model_key || !watch.over_live.alarms(settings.false_rollback_labels))
      continue;
    Judgement judgement = begin_judgement("return", watch.former);
    judgement.log_e = watch.over_live.log_e();
    judgement.log_threshold = std::log(settings.false_rollback_labels);
    judgement.labels = static_cast<int64_t>(watch.over_live.labels());
    judgement.gain = watch.over_live.mean();
    judgement.frozen_gain = watch.over_frozen.mean();
    ++counts.rollbacks;
    return move(watch.former, judgement);
  }
  if (!trial || !trial->over_live.rejects(settings.alpha) || trial->over_frozen.mean() <= 0) return;
  Judgement judgement = begin_judgement("promotion", trial->challenger);
  judgement.log_e = trial->over_live.log_e();
  judgement.log_threshold = -std::log(settings.alpha);
  judgement.labels = static_cast<int64_t>(trial->over_live.labels());
  judgement.gain = trial->over_live.mean();
  judgement.frozen_gain = trial->over_frozen.mean();
  ++counts.promotions;
  move(trial->challenger, judgement);
}

Judgement Judge::State::begin_judgement(const char* kind, const ContestantPtr& to) const {
  Judgement judgement;
  judgement.run_id = reader.run_id();
  judgement.row = row;
  judgement.kind = kind;
  judgement.from = live->model_key;
  judgement.to = to->model_key;
  judgement.to_metrics = to->metrics_key;
  return judgement;
}

// By value: what it was taken from, a trial or a watch, goes when another model is live.
// NOLINTNEXTLINE(performance-unnecessary-value-param)
void Judge::State::move(const ContestantPtr to, Judgement judgement) {
  judgement.reason = judgement.kind + ": mean bounded error lower by " + to_fixed(judgement.gain, 4) +
                     " than the live model's on " + to_text(judgement.labels) + " labels, e-value " +
                     to_fixed(std::exp(std::min(judgement.log_e, 20.0)), 1) +
                     " (needed: " + to_fixed(std::exp(judgement.log_threshold), 0) + ")";
  write_judgement(store, judgement);
  if (judgement.kind == "return") write_event(store, rollback_event(judgement));
  apply(to, judgement);
}

void Judge::State::apply(const ContestantPtr& to, const Judgement& judgement) {
  const auto info = registry.info(to->metrics_key);
  if (!info) {
    log::warning("judge: " + to->model_key + " cannot be made live: " + info.error().reason);
    trial.reset();
    return;
  }
  registry.point_to(*info, std::string(actor), judgement.reason);
  log::info("judge: row " + to_text(judgement.row) + ": " + to->model_key + " is live; " + judgement.reason);
  set_live(to);
}

void Judge::State::set_live(ContestantPtr now_live) {
  const bool keep_former = live && std::none_of(watches.begin(), watches.end(), [&](const Watch& watch) {
                             return watch.former->model_key == live->model_key;
                           });
  if (keep_former) watches.push_back({live, {}, {}});
  while (watches.size() > 1 + static_cast<std::size_t>(settings.former_models))
    watches.erase(watches.begin() + 1);
  for (auto& watch : watches) watch = {watch.former, {}, {}};
  live = std::move(now_live);
  trial.reset();
  changed = true;
}

void Judge::State::follow_pointer() {
  if (!to_repeat.empty()) return;  // it names what the last of them left, and `live` is not yet there
  const auto pointer = registry.pointer();
  if (!pointer || !*pointer || (*pointer)->model_key == live->model_key) return;
  const auto moves = registry.audit();
  if (!moves.empty() && moves.back().to == (*pointer)->model_key && moves.back().actor == actor) {
    const auto own = registry.info(live->metrics_key);
    if (own) {
      ++counts.pointer_repairs;
      log::warning("judge: a judge that has lost its lease moved the pointer to " + (*pointer)->model_key +
                   "; it names " + live->model_key + " again");
      registry.point_to(*own, std::string(actor), "a judge that had lost its lease moved it");
      return;
    }
  }
  auto named = load_contestant(registry, **pointer, options.model_limits);
  if (!named) return;  // the guards complain
  log::info("judge: the pointer was moved to " + (*pointer)->model_key + " by another");
  set_live(std::move(*named));
}

}  // namespace drst
