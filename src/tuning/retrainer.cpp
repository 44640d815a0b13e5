#include "tuning/retrainer.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/patience.h"
#include "base/random.h"
#include "base/text.h"
#include "learn/dataset.h"
#include "learn/offline.h"
#include "registry/events.h"
#include "stream/joined_reader.h"
#include "stream/lane.h"
#include "tuning/answer.h"
#include "tuning/lines.h"
#include "tuning/memory.h"
#include "tuning/predictor.h"
#include "tuning/publisher.h"
#include "tuning/refit.h"
#include "tuning/track.h"

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

std::string family_of(const std::vector<Network>& networks) {
  if (networks.size() > 1) return "mixture";
  return networks.front().hidden().empty() ? "ridge" : "mlp";
}

/// Networks of one line serve together, as the mean of their logarithms where they predict such.
std::shared_ptr<const Model> model_of(const std::vector<Network>& networks) {
  if (networks.size() == 1) return make_model(networks.front(), family_of(networks));
  std::vector<MixtureMember> members;
  members.reserve(networks.size());
  for (const auto& network : networks)
    members.push_back({make_model(network, network.hidden().empty() ? "ridge" : "mlp"), 1});
  return make_mixture(std::move(members), networks.front().exponential, "mixture");
}

float to_cell(double value) {
  const auto cell = static_cast<float>(value);
  return std::isfinite(cell) ? cell : std::numeric_limits<float>::quiet_NaN();
}

}  // namespace

struct Retrainer::State {
  ObjectStore& store;
  const Clock& clock;
  TuningSettings settings;
  RetrainerOptions options;
  Table offline;
  Publisher publisher;
  JoinedReader reader;
  Memory memory;
  Counts counts;
  double helper_cpu_s = 0;  // of searches

  // Models. The line of refits begins with the baseline's networks; the live model is what the pointer names.
  Predictor baseline, live;
  std::vector<Network> first_networks, line;
  Predictor challenger;  // of the line
  ReleaseInfo live_info;
  bool loaded = false;
  std::deque<Question::Start> starts;

  // Where we are.
  int64_t row = -1;  ///< of the newest sample
  uint64_t labels_at_refit = 0;
  std::map<int64_t, ReleaseInfo> to_adopt;  ///< by row: what an earlier life published
  std::string adopted_run;
  Patience patience;
  bool done = false;

  /// A result that takes effect later in the stream; while there is one, no other work begins.
  struct Deferred {
    int64_t due = 0;
    std::function<void()> apply;
  };
  std::optional<Deferred> deferred;

  State(Log& log, ObjectStore& store_, const Clock& clock_, TuningSettings settings_,
        const RegistrySettings& registry, RetrainerOptions options_, Table offline_)
      : store(store_),
        clock(clock_),
        settings(for_family(std::move(settings_), options_.family)),
        options(std::move(options_)),
        offline(std::move(offline_)),
        publisher(log, lane_topic(options.topic, options.lane), store_, clock_, registry,
                  options.model_limits),
        reader(log, clock_, reader_options(options)),
        memory(static_cast<std::size_t>(settings.memory_rows),
               static_cast<std::size_t>(settings.waiting_rows)),
        patience(clock_, settings.first_record_timeout_s, settings.idle_timeout_s) {
    (void)make_dataset(offline, {}, options.target);  // an InputError now rather than at the first drift
  }

  // --- models ---

  bool load() {
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
    first_networks = networks_of(*(*frozen)->model);
    baseline = Predictor(std::move((*frozen)->model));
    restart_line();
    live = Predictor(std::move((*current)->model));
    live_info = std::move((*current)->info);
    loaded = true;
    return true;
  }

  /// Without networks in the baseline there is no line of refits.
  [[nodiscard]] bool has_line() const { return !line.empty(); }

  void restart_line() {
    starts.clear();
    line.clear();
    advance_line(first_networks, 0);
  }

  void advance_line(std::vector<Network> networks, uint64_t trained_labels) {
    if (networks.empty()) return;
    line = std::move(networks);
    challenger = Predictor(model_of(line));
    starts.push_back({line.front(), trained_labels});
    if (starts.size() > static_cast<std::size_t>(settings.kept_starts))
      starts.erase(starts.begin() + 1);  // the first has seen no label and stays
  }

  /// The judge (or a person) moves the pointer.
  void follow_pointer() {
    const auto key = publisher.live_key();
    if (key.empty() || key == live_info.model_key) return;
    auto current = publisher.live();
    if (!current || !*current) return;
    live = Predictor(std::move((*current)->model));
    live_info = std::move((*current)->info);
  }

  // --- an earlier life ---

  void find_earlier_life() {
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
  /// Up to the last release of an earlier life nothing new is made; its releases are taken over where they
  /// were made.
  [[nodiscard]] bool repeating() const { return !to_adopt.empty(); }

  void adopt() {
    while (!to_adopt.empty() && to_adopt.begin()->first <= row) {
      const ReleaseInfo& info = to_adopt.begin()->second;
      if (auto served = info.role == "refit" ? publisher.load(info) : failure("not of the line"))
        advance_line(networks_of(*served->model), memory.labels_seen());
      labels_at_refit = memory.labels_seen();
      to_adopt.erase(to_adopt.begin());
    }
  }

  // --- the stream ---

  bool read() {
    bool any = false;
    for (int i = 0; i < items_a_step && !(deferred && deferred->due <= row); ++i) {
      auto item = reader.next();
      if (!item) break;
      any = true;
      take(*item);
    }
    if (any) patience.renew();
    return any;
  }

  void take(const JoinedReader::Item& item) {
    find_earlier_life();
    bool labelled = false;
    if (item.kind == JoinedReader::Item::Kind::label) {
      if (item.label) labelled = memory.add_label(item.id, static_cast<float>(*item.label));
    } else {
      ++counts.samples;
      memory.set_columns(reader.columns());
      std::vector<float> values;
      values.reserve(item.values.size());
      for (const double value : item.values) values.push_back(to_cell(value));
      const Predictions predicted{baseline.predict(values, memory.columns()),
                                  live.predict(values, memory.columns()),
                                  has_line() ? challenger.predict(values, memory.columns())
                                             : std::numeric_limits<float>::quiet_NaN()};
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

  // --- refits ---

  [[nodiscard]] bool newest_labels_are_near() const {
    const auto newest = static_cast<std::size_t>(settings.refit_every_labels);
    const auto& rows = memory.rows();
    if (settings.refit_span_rows == 0 || rows.empty()) return true;
    const auto& oldest = rows[rows.size() - std::min(newest, rows.size())];
    return row - oldest.row <= settings.refit_span_rows;
  }

  void refit_if_due() {
    if (settings.refit_every_labels == 0 || !has_line()) return;
    if (memory.labels_seen() - labels_at_refit < static_cast<uint64_t>(settings.refit_every_labels)) return;
    labels_at_refit = memory.labels_seen();
    if (!newest_labels_are_near()) return;
    const ScopedTimer timer(options.metrics, "retrainer", "refit");
    follow_pointer();
    const std::string trigger = "refit-" + reader.run_id() + "-" + to_text(row);
    const Record track =
        compare(memory, static_cast<std::size_t>(settings.track_rows), options.epsilon, settings.rows_a_fact);
    // A line that the world has left behind learns its way back more slowly than the baseline does.
    const bool lost = track.challenger_gain < -settings.restart_z * track.challenger_error;
    const std::vector<Network>& from = lost ? first_networks : line;
    const auto& inputs = from.front().inputs;
    Material material{memory.dataset(inputs, 0, memory.rows().size()),
                      make_dataset(offline, inputs, options.target), options.target_floor_share};
    std::vector<Network> networks = refit_all(from, material, settings, seed_of(trigger));
    ++counts.refits;
    counts.restarts += lost ? 1 : 0;

    ReleaseInfo info = release_info("refit", trigger);
    info.family = family_of(networks);
    info.data_sha256 = data_digest(material.recent);
    info.gain_over_baseline = track.challenger_gain;
    info.gain_over_live = track.live - track.challenger;
    info.metrics["track.rows"] = static_cast<double>(track.rows);
    info.metrics["track.challenger_loss"] = track.challenger;
    info.metrics["track.live_loss"] = track.live;
    info.metrics["track.baseline_loss"] = track.baseline;
    if (lost) info.settings["restarted"] = "from the baseline";
    defer([this, networks = std::move(networks), info = std::move(info), labels = memory.labels_seen()] {
      (void)propose(*model_of(networks), info, line_refit);
      advance_line(networks, labels);
      ++counts.published_refits;
    });
  }

  ReleaseInfo propose(const Model& model, ReleaseInfo info, std::string_view to_line) {
    Proposal proposal;
    proposal.run_id = reader.run_id();
    proposal.row = row;
    proposal.line = to_line;
    return publisher.propose(model, std::move(info), std::move(proposal));
  }

  [[nodiscard]] ReleaseInfo release_info(const std::string& role, const std::string& trigger) const {
    ReleaseInfo info;
    info.target = options.target;
    info.parent = live_info.model_key;
    info.role = role;
    info.state = "challenger";
    info.trigger = trigger;
    info.labels = static_cast<int64_t>(memory.rows().size());
    info.seed = options.seed;
    info.code_version = DRST_VERSION;
    info.metrics["row"] = static_cast<double>(row);
    return info;
  }

  [[nodiscard]] uint64_t seed_of(const std::string& trigger) const {
    return Random(options.seed).fork(fnv1a(trigger))();
  }

  void defer(std::function<void()> apply) {
    deferred = Deferred{row + options.busy_rows, std::move(apply)};
    apply_if_due(false);
  }
  bool apply_if_due(bool at_once) {
    if (!deferred || (!at_once && deferred->due > row)) return false;
    const Deferred now = std::move(*deferred);
    deferred.reset();
    now.apply();
    return true;
  }

  // --- answers to drift ---

  void answer(const Trigger& trigger) {
    if (const auto known = publisher.known_answer(trigger.event)) {  // a crash before the done flag
      publisher.answer(*known, false);
      return;
    }
    const ScopedTimer timer(options.metrics, "retrainer", "answer");
    RetrainEvent event;
    event.id = trigger.event;
    event.row = row;
    event.tier = to_text(trigger.tier);
    if (const auto known = publisher.published().find(trigger.event); known != publisher.published().end()) {
      finish_published(event, known->second);  // a crash between release and answer
      return;
    }
    auto window = publisher.handover().window(trigger);
    if (!window) log::warning("retrainer: " + window.error().reason + "; the memory alone is used");
    const auto has_label = [](float label) { return std::isfinite(label); };
    const bool without_labels =
        memory.rows().empty() &&
        (!window || std::none_of(window->labels.begin(), window->labels.end(), has_label));
    if (without_labels) {
      event.reason = "no labels have arrived";
      publisher.answer(event, true);
      ++counts.answers;
      return;
    }
    follow_pointer();
    if (starts.empty()) {
      event.reason = "the model (" + live_info.family +
                     ") has no network that could train on; a mixture has trees and networks";
      publisher.answer(event, false);
      ++counts.answers;
      return;
    }
    Question question{&memory,
                      window ? std::move(*window) : DriftWindow{},
                      &offline,
                      options.target,
                      trigger.tier,
                      {starts.begin(), starts.end()},
                      options.epsilon,
                      options.target_floor_share,
                      seed_of(trigger.event)};
    Answer found = answer_drift(question, settings);
    helper_cpu_s += found.helper_cpu_s;
    event.candidates = found.candidates;
    event.labels = found.labels;
    event.val_rmse = found.val_rmse;
    event.live_val_rmse = found.live_val_rmse;
    event.val_loss = found.val_loss;
    event.live_val_loss = found.live_val_loss;
    event.baseline_val_loss = found.baseline_val_loss;
    event.reason = found.reason;
    event.wall_ms = timer.runtime_ms();
    defer([this, event, found = std::move(found)] { conclude(event, found); });
  }

  void conclude(RetrainEvent event, const Answer& found) {
    ReleaseInfo info = release_info("retrain", event.id);
    info.family = family_of({found.network});
    info.metrics["row"] = static_cast<double>(event.row);
    info.labels = event.labels;
    info.gain_over_baseline = found.baseline_val_loss - found.val_loss;
    info.gain_over_live = found.live_val_loss - found.val_loss;
    info.settings["winner"] = found.winner;
    info.settings["tier"] = event.tier;
    info.metrics["validation.bounded"] = found.val_loss;
    info.metrics["validation.rmse"] = found.val_rmse;
    info.metrics["validation.live_bounded"] = found.live_val_loss;
    info.metrics["validation.live_rmse"] = found.live_val_rmse;
    info.metrics["validation.baseline_bounded"] = found.baseline_val_loss;
    info.metrics["candidates"] = static_cast<double>(event.candidates);
    ++counts.answers;
    if (found.better && !publisher.consumers_would_take(info)) {
      event.reason = "the gain over the baseline is within registry.gain_margin: " + event.reason;
    } else if (found.better) {
      info.data_sha256 = data_digest(memory.dataset(found.network.inputs, 0, memory.rows().size()));
      event.published = true;
      event.release = propose(*model_of({found.network}), info, line_answer).model_key;
      ++counts.published_answers;
    }
    publisher.answer(event, false);
  }

  /// The release of this event is there, its answer is not.
  void finish_published(RetrainEvent event, const ReleaseInfo& info) {
    const auto figure = [&info](const char* name) {
      const auto found = info.metrics.find(name);
      return found == info.metrics.end() ? 0.0 : found->second;
    };
    if (auto served = publisher.load(info)) (void)propose(*served->model, info, line_answer);
    event.row = static_cast<int64_t>(figure("row"));
    event.candidates = static_cast<int64_t>(figure("candidates"));
    event.labels = info.labels;
    event.val_loss = figure("validation.bounded");
    event.val_rmse = figure("validation.rmse");
    event.live_val_loss = figure("validation.live_bounded");
    event.live_val_rmse = figure("validation.live_rmse");
    event.baseline_val_loss = figure("validation.baseline_bounded");
    event.published = true;
    event.release = info.model_key;
    event.reason = "completed after a restart";
    publisher.answer(event, false);
    ++counts.answers;
  }

  // --- stepping ---

  Step step() {
    if (done) return Step::done;
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

  Step idle() {
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

  Step finish(const std::string& why) {
    done = true;
    reader.commit();
    log::info("retrainer: " + why + "; " + to_text(counts.labels) + " labels, " + to_text(counts.answers) +
              " answers to drift (" + to_text(counts.published_answers) + " published), " +
              to_text(counts.refits) + " refits, " + to_text(counts.restarts) + " of them from the baseline");
    return Step::done;
  }
};

Retrainer::Retrainer(Log& log, ObjectStore& store, const Clock& clock, TuningSettings settings,
                     RegistrySettings registry, RetrainerOptions options, Table offline)
    : state_(std::make_unique<State>(log, store, clock, std::move(settings), registry, std::move(options),
                                     std::move(offline))) {}

Retrainer::~Retrainer() = default;

Step Retrainer::step() { return state_->step(); }

double Retrainer::helper_cpu_s() const { return state_->helper_cpu_s; }

Retrainer::Counts Retrainer::counts() const { return state_->counts; }

}  // namespace drst
