#include "tuning/judge.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <limits>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/patience.h"
#include "base/text.h"
#include "learn/shares.h"
#include "registry/events.h"
#include "registry/judgement.h"
#include "store/leased_store.h"
#include "stream/experts.h"
#include "stream/joined_reader.h"
#include "stream/lane.h"
#include "stream/record.h"
#include "tuning/contestants.h"
#include "tuning/drift_alarms.h"
#include "tuning/evidence.h"
#include "tuning/lines.h"
#include "tuning/refit.h"

namespace drst {

using namespace tuning;

namespace {

/// Items read in a step, so that a step stays bounded while the log is long.
constexpr int items_a_step = 64;

/// Who the audit trail says moves the pointer.
constexpr std::string_view actor = "judge";

Duration seconds(double s) { return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s)); }

JoinedReaderOptions reader_options(const JudgeOptions& options) {
  JoinedReaderOptions reader;
  reader.topic = options.topic;
  reader.group = lane_group("drst-judge", options.lane);
  reader.lane = options.lane;
  reader.member = options.member;
  reader.run_id = options.run_id;
  reader.settings = options.reader;
  reader.limits = options.limits;
  return reader;
}

std::vector<double> starting_weights(const JudgeSettings& settings) {
  // In the order of the published experts: frozen, live, lines, neighbours, last label.
  const std::size_t others = 1 + line_names.size() + (settings.last_label ? 1 : 0);
  const double rest = 1 - settings.frozen_weight;
  std::vector<double> weights(2 + others,
                              rest * (1 - settings.neighbours_weight) / static_cast<double>(others));
  weights[0] = settings.frozen_weight;
  weights[2 + line_names.size()] = rest * settings.neighbours_weight;
  return weights;
}

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

struct Judge::State {
  Log& log;
  LeasedStore store;  // for all that is written
  const Clock& clock;
  JudgeSettings settings;
  JudgeOptions options;
  std::string topic;  // what experts, proposals and memory are named after
  Registry registry;
  JoinedReader reader;
  Prophecies prophecies;
  Shares shares;
  DriftAlarms alarms;
  Counts counts;

  // Contestants.
  ContestantPtr frozen, live;
  std::optional<Neighbours> neighbours;
  std::vector<ContestantPtr> lines{line_names.size()};
  struct Trial {
    ContestantPtr challenger;
    PairedTest over_live, over_frozen;
  };
  std::optional<Trial> trial;
  ContestantPtr next;  // the newest challenger that waits for a trial
  struct Watch {
    ContestantPtr former;
    PairedDetector over_live;
    PairedTest over_frozen;  // since the watch began; only its mean is used
  };
  std::deque<Watch> watches;  // the frozen model first, then former live ones, newest last

  std::deque<Proposal> proposals;  // read, and not yet due
  int64_t next_proposal = 0;
  std::optional<float> last_label;
  int64_t row = -1;
  bool changed = false;               // the expert state is to be published
  Time told{};                        // when it was published last
  std::vector<NewRecord> remembered;  // labelled rows that are to be published
  // What an earlier life told the others already, and a repetition must not tell again.
  uint64_t rows_known_to_others = 0;
  int64_t state_known_to_others = -1;
  std::deque<Judgement> to_repeat;                  // of an earlier life
  std::unordered_map<int64_t, float> early_labels;  // by row, as keep_for_replay says
  uint64_t passed_labels = 0;                       // of rows before this life's first
  int64_t first_row = -1;                           // that this life has read
  std::string known_run;
  Patience patience;
  bool done = false;

  State(Log& log_, ObjectStore& store_, const Clock& clock_, const JudgeSettings& settings_,
        const RegistrySettings& registry_, JudgeOptions options_)
      : log(log_),
        store(store_, [this] { reader.need_lease(); }),
        clock(clock_),
        settings(settings_),
        options(std::move(options_)),
        topic(lane_topic(options.topic, options.lane)),
        registry(store, clock_, registry_),
        reader(log_, clock_, reader_options(options)),
        prophecies(static_cast<std::size_t>(settings.waiting_rows)),
        shares(starting_weights(settings), settings.rate, settings.share),
        alarms(store),
        patience(clock_, options.first_record_timeout_s, options.idle_timeout_s) {}

  // --- models ---

  ContestantPtr need(const Result<std::optional<Pointer>>& pointer, const char* what,
                     std::string_view remedy) {
    const auto refuse = [&](const std::string& why) {
      throw FailedError(std::string("judge: ") + what + " in " + store.url() + " cannot be used: " + why +
                        "; " + std::string(remedy));
    };
    if (!pointer) refuse(pointer.error().reason);
    if (!*pointer) return nullptr;
    auto contestant = load_contestant(registry, **pointer, options.model_limits);
    if (!contestant) refuse(contestant.error().reason);
    return *contestant;
  }

  bool load() {
    if (live) return true;
    if (!frozen) frozen = need(registry.baseline(), "the baseline", baseline_remedy);
    if (!frozen) return false;
    auto current = need(registry.pointer(), "the live model", live_remedy);
    if (!current) return false;
    log.ensure_topic(experts_topic(topic), 1);
    log.ensure_topic(proposals_topic(topic), 1);
    log.ensure_topic(memory_topic(topic), 1);
    neighbours.emplace(frozen->predictor.shared_model(), settings.neighbours);
    watches.push_back({frozen_release(), {}, {}});
    set_live(std::move(current));
    return true;
  }

  /// What the pointer goes back to when the frozen model is better: the first release has the baseline's
  /// weights and was live; the baseline itself where there is no such release.
  ContestantPtr frozen_release() {
    for (const auto& line : registry.audit()) {
      if (!line.from.empty() || line.to.empty()) continue;
      for (const auto& info : registry.list())
        if (info.model_key == line.to)
          if (auto first =
                  load_contestant(registry, {info.model_key, info.metrics_key}, options.model_limits))
            return *first;
    }
    return frozen;
  }

  /// All evidence was against the model that was live until now.
  void set_live(ContestantPtr now_live) {
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

  /// Someone else may have moved the pointer: a person, who is followed, or a judge that lost its lease with
  /// the write under way, whose move is undone.
  void follow_pointer() {
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

  // --- proposals ---

  void read_proposals() {
    const std::string source = proposals_topic(topic);
    Batch batch;
    while (next_proposal < log.watermarks(source, 0).end) {
      log.read(source, 0, next_proposal, batch, {});
      if (batch.empty()) return;
      for (const auto& record : batch.records()) {
        next_proposal = record.offset + 1;
        auto proposal = decode_proposal(record.value);
        if (!proposal) {
          ++counts.unusable_proposals;
          log::warning("judge: a proposal cannot be read: " + proposal.error().reason);
          continue;
        }
        proposals.push_back(std::move(*proposal));
      }
    }
  }

  /// Those that may serve the next row.
  void admit_proposals() {
    while (!proposals.empty() &&
           (proposals.front().run_id != reader.run_id() || proposals.front().row <= row)) {
      const Proposal proposal = std::move(proposals.front());
      proposals.pop_front();
      if (proposal.run_id == reader.run_id()) admit(proposal);
    }
  }

  void admit(const Proposal& proposal) {
    auto contestant =
        load_contestant(registry, {proposal.model_key, proposal.metrics_key}, options.model_limits);
    if (!contestant) {
      ++counts.unusable_proposals;
      log::warning("judge: a challenger cannot be used: " + contestant.error().reason);
      return;
    }
    ++counts.proposals;
    for (std::size_t i = 0; i < line_names.size(); ++i) {
      if (line_names[i] != proposal.line) continue;
      lines[i] = *contestant;
      changed = true;
    }
    if (proposal.candidate) next = std::move(*contestant);
  }

  void begin_trial() {
    // Half-way to the threshold a challenger is worth waiting for.
    if (trial && (!next || trial->over_live.labels() < static_cast<uint64_t>(settings.patience_labels) ||
                  trial->over_live.log_e() > -0.5 * std::log(settings.alpha)))
      return;
    if (!next || next->model_key == live->model_key) return;
    trial = Trial{std::move(next), {}, {}};
    next.reset();
  }

  // --- the stream ---

  bool read() {
    bool any = false;
    for (int i = 0; i < items_a_step; ++i) {
      auto item = reader.next();
      if (!item) break;
      if (reader.run_id() != known_run) find_earlier_life();
      if (!any && settings.restart_on_drift) alarms.look(reader.run_id());
      any = true;
      admit_proposals();
      if (item->kind == JoinedReader::Item::Kind::label) {
        if (item->label) take_label(item->id, *item->label);
      } else {
        take_sample(*item);
      }
    }
    if (reader.heard()) patience.renew();
    return any;
  }

  void take_sample(const JoinedReader::Item& item) {
    if (!item.blank) ++counts.samples;
    row = item.row >= 0 ? item.row : row + 1;
    if (first_row < 0) first_row = row;
    if (alarms.meet(row)) {
      shares.restart();
      ++counts.restarts;
      changed = true;
    }
    if (item.blank) return;  // consumers made no prediction of it, either
    begin_trial();
    std::vector<float> values;
    values.reserve(item.values.size());
    for (const double value : item.values) {
      const auto cell = static_cast<float>(value);
      values.push_back(std::isfinite(cell) ? cell : std::numeric_limits<float>::quiet_NaN());
    }
    Prophecy prophecy;
    prophecy.row = row;
    prophecy.last_label = last_label;
    prophecy.frozen = frozen;
    prophecy.live = live;
    prophecy.lines = lines;
    const auto ask = [&](const ContestantPtr& who) {
      if (!who || std::any_of(prophecy.predictions.begin(), prophecy.predictions.end(),
                              [&](const auto& said) { return said.first == who; }))
        return;
      prophecy.predictions.emplace_back(who, who->predictor.predict(values, reader.columns()));
    };
    ask(frozen);
    ask(live);
    for (const auto& line : lines) ask(line);
    if (trial) ask(trial->challenger);
    for (const auto& watch : watches) ask(watch.former);
    prophecy.raw = frozen->predictor.inputs_of(values, reader.columns());
    prophecy.by_neighbours = neighbours->predict(row, prophecy.raw, prophecy.of(frozen));
    const std::string id = item.id.empty() ? "row-" + to_text(row) : item.id;
    prophecies.add(id, std::move(prophecy));
    if (item.label) take_label(id, *item.label);
    take_early_label(id);
  }

  void take_label(const std::string& id, double label) {
    const auto truth = static_cast<float>(label);
    if (!std::isfinite(truth)) return;
    Prophecy prophecy;
    switch (prophecies.take(id, prophecy)) {
      case Prophecies::Outcome::unknown:
        if (!keep_for_replay(id, truth)) ++counts.unmatched_labels;
        return;
      case Prophecies::Outcome::duplicate:
        ++counts.duplicate_labels;
        return;
      case Prophecies::Outcome::met:
        break;
    }
    ++counts.labels;
    weigh(prophecy, truth);
    last_label = truth;
    changed = true;
    remember(std::move(prophecy.raw), prophecy, truth);
    collect_evidence(prophecy, truth);
    if (!repeat_judgements()) judge();
  }

  /// After a restart the labels that have arrived come before the samples that are read again: one of a row
  /// that an earlier life had reached waits for it.
  bool keep_for_replay(const std::string& id, float truth) {
    constexpr std::size_t most = 1'000'000;
    const auto parts = split_id(id);
    if (!parts || parts->row > state_known_to_others) return false;
    const bool passed = first_row >= 0 && parts->row < first_row;
    if (!passed && (parts->row <= row || early_labels.size() >= most)) return false;
    if (passed)
      ++passed_labels;
    else
      early_labels.emplace(parts->row, truth);
    counts.earlier_labels = early_labels.size() + passed_labels;
    return true;
  }

  void take_early_label(const std::string& id) {
    const auto found = early_labels.find(row);
    if (found == early_labels.end()) return;
    const float truth = found->second;
    early_labels.erase(found);
    counts.earlier_labels = early_labels.size() + passed_labels;
    take_label(id, static_cast<double>(truth));
  }

  /// NaN: it made no prediction.
  [[nodiscard]] double loss(float prediction, float truth) const {
    if (std::isnan(prediction)) return std::numeric_limits<double>::quiet_NaN();
    return bounded_error(prediction, truth, options.epsilon);
  }

  void weigh(const Prophecy& prophecy, float truth) {
    std::vector<double> losses = {loss(prophecy.of(prophecy.frozen), truth),
                                  loss(prophecy.of(prophecy.live), truth)};
    for (const auto& line : prophecy.lines) losses.push_back(loss(prophecy.of(line), truth));
    losses.push_back(loss(prophecy.by_neighbours, truth));
    if (settings.last_label)
      losses.push_back(loss(prophecy.last_label.value_or(std::numeric_limits<float>::quiet_NaN()), truth));
    for (double& of_one : losses)  // NaN stays NaN
      of_one = of_one > settings.whole_error ? 1 : of_one / settings.whole_error;
    shares.update(losses);
  }

  void remember(std::vector<float> raw, const Prophecy& prophecy, float truth) {
    if (!neighbours->usable()) return;
    const float said = prophecy.of(prophecy.frozen);
    neighbours->add(prophecy.row, raw, said, truth);
    if (rows_known_to_others > 0) {  // an earlier life published it
      --rows_known_to_others;
      return;
    }
    remembered.push_back(
        make_record(LabelledSample{prophecy.row, truth, said, std::move(raw)}, reader.run_id(), clock.now()));
  }

  // --- evidence ---

  void collect_evidence(const Prophecy& prophecy, float truth) {
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

  void judge() {
    for (const auto& watch : watches) {
      if (watch.former->model_key == live->model_key ||
          !watch.over_live.alarms(settings.false_rollback_labels))
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

  [[nodiscard]] Judgement begin_judgement(const char* kind, const ContestantPtr& to) const {
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
  void move(const ContestantPtr to, Judgement judgement) {
    judgement.reason = judgement.kind + ": mean bounded error lower by " + to_fixed(judgement.gain, 4) +
                       " than the live model's on " + to_text(judgement.labels) + " labels, e-value " +
                       to_fixed(std::exp(std::min(judgement.log_e, 20.0)), 1) +
                       " (needed: " + to_fixed(std::exp(judgement.log_threshold), 0) + ")";
    write_judgement(store, judgement);
    if (judgement.kind == "return") write_event(store, rollback_event(judgement));
    apply(to, judgement);
  }

  void apply(const ContestantPtr& to, const Judgement& judgement) {
    const auto info = registry.info(to->metrics_key);
    if (!info) {
      log::warning("judge: " + to->model_key + " cannot be made live: " + info.error().reason);
      trial.reset();
      return;
    }
    registry.point_to(*info, std::string(actor), judgement.reason);
    log::info("judge: row " + to_text(judgement.row) + ": " + to->model_key + " is live; " +
              judgement.reason);
    set_live(to);
  }

  // --- an earlier life ---

  void find_earlier_life() {
    known_run = reader.run_id();
    to_repeat.clear();
    for (auto& judgement : read_judgements(store, known_run)) to_repeat.push_back(std::move(judgement));
    find_what_was_told();
    if (to_repeat.empty()) return;
    log::info("judge: goes on after row " + to_text(to_repeat.back().row) + ", " + to_text(to_repeat.size()) +
              " judgements are repeated");
    // The pointer names what the last of them left; the replay begins with what was live before the first.
    for (const auto& info : registry.list()) {
      if (info.model_key != to_repeat.front().from) continue;
      if (auto before = load_contestant(registry, {info.model_key, info.metrics_key}, options.model_limits))
        live = *before;
    }
  }

  void find_what_was_told() {
    rows_known_to_others = 0;
    Batch batch;
    const std::string memory = memory_topic(topic);
    for (int64_t at = 0; at < log.watermarks(memory, 0).end;) {
      log.read(memory, 0, at, batch, {.max_records = 1024, .max_bytes = std::size_t{8} << 20});
      if (batch.empty()) break;
      for (const auto& record : batch.records())
        rows_known_to_others += record.header(run_id_header) == known_run ? 1 : 0;
      at = batch.records().back().offset + 1;
    }
    ExpertFollower follower(log, topic, known_run);
    state_known_to_others = follower.refresh() ? follower.state()->row : -1;
  }

  /// True while there are judgements of an earlier life ahead; nothing new is judged until then.
  bool repeat_judgements() {
    while (!to_repeat.empty() && to_repeat.front().row <= row) {
      const Judgement judgement = std::move(to_repeat.front());
      to_repeat.pop_front();
      auto to = load_contestant(registry, {judgement.to, judgement.to_metrics}, options.model_limits);
      if (!to) {
        log::warning("judge: an earlier judgement cannot be repeated: " + to.error().reason);
        continue;
      }
      (judgement.kind == "promotion" ? counts.promotions : counts.rollbacks) += 1;
      // A crash between judgement and pointer: the last of them still has to move it.
      const auto pointer = registry.pointer();
      if (to_repeat.empty() && pointer && *pointer && (*pointer)->model_key == judgement.from) {
        apply(*to, judgement);
      } else {
        set_live(std::move(*to));
      }
    }
    return !to_repeat.empty();
  }

  // --- effects ---

  void publish_state() {
    const bool due = clock.now() - told >= seconds(settings.heartbeat_s);
    if ((!changed && !due) || row < state_known_to_others) return;
    reader.need_lease();
    ExpertState state;
    state.run_id = reader.run_id();
    state.row = row;
    state.labels = counts.labels;
    state.ended = reader.ended();
    if (last_label) state.last_label = static_cast<double>(*last_label);
    const auto& weights = shares.weights();
    std::size_t i = 0;
    state.experts.push_back({std::string(expert_frozen), "", "", weights[i++]});
    state.experts.push_back({std::string(expert_live), "", "", weights[i++]});
    for (std::size_t line = 0; line < lines.size(); ++line, ++i)
      state.experts.push_back({std::string(line_names[line]), lines[line] ? lines[line]->model_key : "",
                               lines[line] ? lines[line]->metrics_key : "", weights[i]});
    state.experts.push_back({std::string(expert_neighbours), "", "", weights[i++]});
    if (settings.last_label) state.experts.push_back({std::string(expert_last_label), "", "", weights[i]});
    // What the weights rest on comes first. A restarted judge remembers the same rows again; readers keep the
    // newest ones, so repeats only push out older ones.
    if (!remembered.empty()) log.append(memory_topic(topic), 0, remembered);
    remembered.clear();
    const NewRecord record = make_record(state, clock.now());
    log.append(experts_topic(topic), 0, {&record, 1});
    changed = false;
    told = clock.now();
  }

  // --- stepping ---

  Step step() {
    if (done) return Step::done;
    if (!load()) return idle();
    follow_pointer();
    read_proposals();
    const bool any = read();
    if (!reader.run_id().empty()) {
      admit_proposals();
      publish_state();
    }
    if (any) return Step::worked;
    if (reader.ended()) {
      changed = true;  // nothing more will be said
      publish_state();
      return finish("the stream has ended");
    }
    if (const auto run = reader.ended_before())
      return finish("run " + *run + " had ended before; --run-id names another to wait for");
    return idle();
  }

  Step idle() {
    if (!patience.over()) return Step::idle;
    const std::string limit = to_text(patience.limit_s()) + " s (tuning.first_record_timeout_s)";
    if (!live)
      throw FailedError("judge: " + store.url() + " has had no baseline or no live model for " + limit +
                        "; `drst offline` into the same --store publishes both");
    if (!patience.begun())
      throw FailedError("judge: no record came to topic " + options.topic + " within " + limit +
                        "; does `drst produce` write to the same --log?");
    return finish("nothing has come for " + to_text(patience.limit_s()) + " s");
  }

  Step finish(const std::string& why) {
    done = true;
    reader.commit();
    const std::string earlier =
        counts.earlier_labels > 0 ? to_text(counts.earlier_labels) + " of rows before a restart, " : "";
    log::info("judge: " + why + "; " + to_text(counts.labels) + " labels (" +
              to_text(counts.unmatched_labels) + " unmatched, " + earlier + to_text(counts.duplicate_labels) +
              " repeated, " + to_text(reader.counts().bad_labels) + " unusable), " +
              to_text(counts.proposals) + " challengers, " + to_text(counts.promotions) + " promoted, " +
              to_text(counts.rollbacks) + " returns to a former model, " + to_text(counts.restarts) +
              " restarts of the weights");
    return Step::done;
  }
};

Judge::Judge(Log& log, ObjectStore& store, const Clock& clock, JudgeSettings settings,
             RegistrySettings registry, JudgeOptions options)
    : state_(std::make_unique<State>(log, store, clock, settings, registry, std::move(options))) {}
Judge::~Judge() = default;

Step Judge::step() { return state_->step(); }
Judge::Counts Judge::counts() const { return state_->counts; }

}  // namespace drst
