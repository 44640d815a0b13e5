#include "tuning/retrainer.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "learn/dataset.h"
#include "learn/offline.h"
#include "stream/lane.h"
#include "tuning/retrainer_state.h"

namespace drst {

using namespace tuning;

namespace {

/// Items read in a step, so that a step stays bounded while the log is long.
constexpr int items_a_step = 64;

JoinedReaderOptions reader_options(const RetrainerOptions& options) {
  JoinedReaderOptions reader;
  reader.topic = options.topic;
  reader.group = lane_group("drst-retrainer", options.lane);
  reader.lane = options.lane;
  reader.member = options.member;
  reader.run_id = options.run_id;
  reader.settings = options.reader;
  reader.limits = options.limits;
  return reader;
}

/// A pinned linear family must stay linear: no hidden layers to try but the current ones, which are none.
TuningSettings for_family(TuningSettings settings, const std::string& family) {
  if (family == "ridge")
    for (TierGrid* tier : {&settings.grid.a, &settings.grid.b, &settings.grid.c}) tier->hidden.clear();
  return settings;
}

}  // namespace

Retrainer::State::State(Log& log, ObjectStore& store_, const Clock& clock_, TuningSettings settings_,
                        const RegistrySettings& registry, RetrainerOptions options_, Table offline_)
    : store(store_, [this] { reader.need_lease(); }),
      clock(clock_),
      settings(for_family(std::move(settings_), options_.family)),
      options(std::move(options_)),
      offline(std::move(offline_)),
      publisher(log, lane_topic(options.topic, options.lane), store, clock_, registry, options.model_limits),
      reader(log, clock_, reader_options(options)),
      memory(static_cast<std::size_t>(settings.memory_rows), static_cast<std::size_t>(settings.waiting_rows)),
      patience(clock_, settings.first_record_timeout_s, settings.idle_timeout_s) {
  (void)make_dataset(offline, {}, options.target);  // an InputError now rather than at the first drift
}

// --- models ---

bool Retrainer::State::load() {
  if (loaded) return true;
  auto frozen = publisher.baseline();
  auto current = publisher.live();
  if (!frozen)
    throw FailedError("retrainer: the baseline in " + store.url() +
                      " cannot be used: " + frozen.error().reason + "; " + std::string(baseline_remedy));
  if (!current)
    throw FailedError("retrainer: the live model in " + store.url() +
                      " cannot be used: " + current.error().reason + "; " + std::string(live_remedy));
  if (!*frozen || !*current) return false;
  baseline = Predictor(std::move((*frozen)->model));
  begin_line((*frozen)->info);
  live = Predictor(std::move((*current)->model));
  live_info = std::move((*current)->info);
  loaded = true;
  return true;
}

void Retrainer::State::begin_line(const ReleaseInfo& frozen) {
  const auto& model = baseline.shared_model();
  if (auto networks = networks_of(*model); !networks.empty()) {
    line = make_network_line(std::move(networks), settings);
  } else if (model->trees() != nullptr) {
    const auto log_inputs = frozen.settings.find("log_inputs");
    line = make_tree_line(model, log_inputs == frozen.settings.end() || log_inputs->second != "off",
                          options.model, settings);
  }
  if (line) challenger = Predictor(line->newest());
}

void Retrainer::State::advance_line(std::shared_ptr<const Model> model, uint64_t trained_labels) {
  if (!line) return;
  line->advance(std::move(model), trained_labels);
  challenger = Predictor(line->newest());
}

void Retrainer::State::follow_pointer() {
  const auto key = publisher.live_key();
  if (key.empty() || key == live_info.model_key) return;
  auto current = publisher.live();
  if (!current || !*current) return;
  live = Predictor(std::move((*current)->model));
  live_info = std::move((*current)->info);
}

// --- an earlier life ---

void Retrainer::State::find_earlier_life() {
  if (adopted_run == reader.run_id()) return;
  adopted_run = reader.run_id();
  for (const auto& [trigger, info] : publisher.published()) {
    const bool refit = trigger.starts_with("refit-");
    const bool ours = run_of_event(refit ? trigger.substr(6) : trigger) == adopted_run;
    const auto at = info.metrics.find("row");
    if (ours && at != info.metrics.end()) to_adopt[static_cast<int64_t>(at->second)] = info;
  }
  if (!to_adopt.empty())
    log::info("retrainer: goes on after row " + to_text(to_adopt.rbegin()->first) + ", " +
              to_text(to_adopt.size()) + " releases adopted");
}

void Retrainer::State::adopt() {
  while (!to_adopt.empty() && to_adopt.begin()->first <= row) {
    const ReleaseInfo& info = to_adopt.begin()->second;
    if (auto served = info.role == "refit" ? publisher.load(info) : failure("not of the line"))
      advance_line(std::move(served->model), memory.labels_seen());
    labels_at_refit = memory.labels_seen();
    to_adopt.erase(to_adopt.begin());
  }
}

// --- the stream ---

bool Retrainer::State::read() {
  bool any = false;
  for (int i = 0; i < items_a_step && !(deferred && deferred->due <= row); ++i) {
    auto item = reader.next();
    if (!item) break;
    any = true;
    take(*item);
  }
  if (reader.heard()) patience.renew();
  return any;
}

void Retrainer::State::take(const JoinedReader::Item& item) {
  find_earlier_life();
  bool labelled = false;
  if (item.kind == JoinedReader::Item::Kind::label) {
    if (item.label) labelled = memory.add_label(item.id, static_cast<float>(*item.label));
  } else if (item.blank) {  // consumers made no prediction of it, and there is nothing to learn from
    row = item.row >= 0 ? item.row : row + 1;
    adopt();
  } else {
    ++counts.samples;
    memory.set_columns(reader.columns());
    std::vector<float> values;
    values.reserve(item.values.size());
    for (const double value : item.values) values.push_back(to_cell(value));
    const Predictions predicted{
        baseline.predict(values, memory.columns()), live.predict(values, memory.columns()),
        line ? challenger.predict(values, memory.columns()) : std::numeric_limits<float>::quiet_NaN()};
    row = item.row >= 0 ? item.row : row + 1;
    const std::string id = item.id.empty() ? "row-" + to_text(row) : item.id;
    labelled = memory.add_sample(id, row, std::move(values), predicted);
    if (item.label) labelled = memory.add_label(id, static_cast<float>(*item.label)) || labelled;
    adopt();
  }
  counts.labels = memory.labels_seen();
  counts.orphan_labels = memory.orphans();
  if (labelled && !repeating() && !deferred) refit_if_due();
}

// --- stepping ---

Step Retrainer::State::step() {
  if (done) return Step::done;
  const Patience::Busy busy(patience);
  if (!load()) return idle();
  follow_pointer();
  if (apply_if_due(false)) return Step::worked;
  const auto trigger = deferred ? std::nullopt : publisher.handover().pending();
  if (trigger && trigger->row <= row && !repeating()) {
    answer(*trigger);
    patience.renew();
    return Step::worked;
  }
  if (read()) return Step::worked;
  if (apply_if_due(reader.ended())) return Step::worked;
  if (reader.ended()) to_adopt.clear();
  // Nothing to read: a trigger whose row never came (its record was unusable) is answered with what there
  // is.
  if (trigger && reader.ended()) {
    answer(*trigger);
    apply_if_due(true);
    return Step::worked;
  }
  if (reader.ended() && !trigger && store.exists("results/monitor_done.flag"))
    return finish("the stream has ended");
  if (const auto run = reader.ended_before())
    return finish("run " + *run + " had ended before; --run-id names another to wait for");
  return idle();
}

Step Retrainer::State::idle() {
  if (!patience.over()) return Step::idle;
  const std::string limit = to_text(patience.limit_s()) + " s (tuning.first_record_timeout_s)";
  if (!loaded)
    throw FailedError("retrainer: " + store.url() + " has had no baseline or no live model for " + limit +
                      "; `drst offline` into the same --store publishes both");
  if (!patience.begun())
    throw FailedError("retrainer: no record came to topic " + options.topic + " within " + limit +
                      "; does `drst produce` write to the same --log?");
  apply_if_due(true);
  if (const auto trigger = publisher.handover().pending()) {
    answer(*trigger);
    apply_if_due(true);
  }
  return finish("nothing has come for " + to_text(patience.limit_s()) + " s");
}

Step Retrainer::State::finish(const std::string& why) {
  done = true;
  reader.commit();
  log::info("retrainer: " + why + "; " + to_text(counts.labels) + " labels, " + to_text(counts.answers) +
            " answers to drift (" + to_text(counts.published_answers) + " published), " +
            to_text(counts.refits) + " refits, " + to_text(counts.restarts) + " of them from the baseline");
  return Step::done;
}

Retrainer::Retrainer(Log& log, ObjectStore& store, const Clock& clock, TuningSettings settings,
                     RegistrySettings registry, RetrainerOptions options, Table offline)
    : state_(std::make_unique<State>(log, store, clock, std::move(settings), registry, std::move(options),
                                     std::move(offline))) {}

Retrainer::~Retrainer() = default;

Step Retrainer::step() { return state_->step(); }

double Retrainer::helper_cpu_s() const { return state_->line ? state_->line->helper_cpu_s() : 0; }

Retrainer::Counts Retrainer::counts() const { return state_->counts; }

}  // namespace drst
