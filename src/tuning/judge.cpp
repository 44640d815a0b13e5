#include "tuning/judge.h"

#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "stream/lane.h"
#include "stream/record.h"
#include "tuning/judge_state.h"

namespace drst {

using namespace tuning;

namespace {

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

}  // namespace

Judge::State::State(Log& log_, ObjectStore& store_, const Clock& clock_, const JudgeSettings& settings_,
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
      patience(clock_, options.first_record_timeout_s, options.idle_timeout_s),
      waiting(clock_) {}

// --- models ---

ContestantPtr Judge::State::need(const Result<std::optional<Pointer>>& pointer, const char* what,
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

bool Judge::State::load() {
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

ContestantPtr Judge::State::frozen_release() {
  for (const auto& line : registry.audit()) {
    if (!line.from.empty() || line.to.empty()) continue;
    for (const auto& info : registry.list())
      if (info.model_key == line.to)
        if (auto first = load_contestant(registry, {info.model_key, info.metrics_key}, options.model_limits))
          return *first;
  }
  return frozen;
}

// --- proposals ---

void Judge::State::read_proposals() {
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

void Judge::State::admit_proposals() {
  while (!proposals.empty() &&
         (proposals.front().run_id != reader.run_id() || proposals.front().row <= row)) {
    const Proposal proposal = std::move(proposals.front());
    proposals.pop_front();
    if (proposal.run_id == reader.run_id()) admit(proposal);
  }
}

void Judge::State::admit(const Proposal& proposal) {
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

// --- effects ---

void Judge::State::publish_state() {
  const bool due = clock.now() - told >= from_seconds(settings.heartbeat_s);
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

Step Judge::State::step() {
  if (done) return Step::done;
  const Patience::Busy busy(patience);
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

std::string Judge::State::waits_for() const {
  if (live) return reader.lacks();
  return std::string(frozen ? "no live model" : "no baseline") + " is in " + store.url() +
         " yet; `drst offline` into the same --store publishes both";
}

Step Judge::State::idle() {
  if (const auto words = waiting.due(waits_for())) log::info("judge " + *words);
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

Step Judge::State::finish(const std::string& why) {
  done = true;
  reader.commit();
  const std::string earlier =
      counts.earlier_labels > 0 ? to_text(counts.earlier_labels) + " of rows before a restart, " : "";
  log::info("judge: " + why + "; " + to_text(counts.labels) + " labels (" + to_text(counts.unmatched_labels) +
            " unmatched, " + earlier + to_text(counts.duplicate_labels) + " repeated, " +
            to_text(reader.counts().bad_labels) + " unusable), " + to_text(counts.proposals) +
            " challengers, " + to_text(counts.promotions) + " promoted, " + to_text(counts.rollbacks) +
            " returns to a former model, " + to_text(counts.restarts) + " restarts of the weights");
  return Step::done;
}

Judge::Judge(Log& log, ObjectStore& store, const Clock& clock, JudgeSettings settings,
             RegistrySettings registry, JudgeOptions options)
    : state_(std::make_unique<State>(log, store, clock, settings, registry, std::move(options))) {}
Judge::~Judge() = default;

Step Judge::step() { return state_->step(); }
bool Judge::joined() const { return state_->reader.joined(); }
Judge::Counts Judge::counts() const { return state_->counts; }

}  // namespace drst
