#include "registry/handover.h"

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "registry/json_fields.h"
#include "table/npy.h"

namespace drst {

namespace {
constexpr const char* batch_key = "results/latest_batch.npy";
constexpr const char* columns_key = "results/latest_batch.columns.json";
constexpr const char* lock_key = "results/retrain_lock.flag";
constexpr const char* grid_key = "results/retrain_grid.flag";
constexpr const char* done_key = "results/retrain_done.flag";
constexpr std::uint64_t max_flag_bytes = 4096;

/// The row in "<run or topic>-<row>".
int64_t row_of_event(std::string_view event) {
  const auto dash = event.rfind('-');
  return dash == std::string_view::npos ? 0 : parse_int(event.substr(dash + 1)).value_or(0);
}
}  // namespace

std::string to_text(Tier tier) {
  switch (tier) {
    case Tier::A:
      return "A";
    case Tier::B:
      return "B";
    case Tier::C:
      return "C";
    case Tier::none:
      break;
  }
  return "-";
}

std::optional<Tier> parse_tier(std::string_view text) {
  if (text == "A") return Tier::A;
  if (text == "B") return Tier::B;
  if (text == "C") return Tier::C;
  if (text == "-") return Tier::none;
  return std::nullopt;
}

void Handover::raise(const Trigger& trigger, const DriftWindow& window, Time now, Duration lock_expiry) {
  const auto rows = window.rows.size();
  const auto columns = window.columns.size();
  if (window.labels.size() != rows || window.values.size() != rows * columns)
    throw FailedError("drift window of " + trigger.event + ": " + to_text(rows) + " rows and " +
                      to_text(columns) + " columns do not fit " + to_text(window.values.size()) +
                      " values and " + to_text(window.labels.size()) + " labels");
  std::vector<float> cells;
  cells.reserve(rows * (columns + 1));
  for (std::size_t row = 0; row < rows; ++row) {
    const auto* first = window.values.data() + row * columns;
    cells.insert(cells.end(), first, first + columns);
    cells.push_back(window.labels[row]);
  }
  const std::string batch = to_npy(Array::matrix(std::move(cells), rows, columns + 1));
  store_.remove(grid_key);  // one left over must not stand beside what is replaced now
  store_.put(batch_key, batch);

  nlohmann::ordered_json names;
  names["columns"] = window.columns;
  names["label"] = trigger.target;
  names["rows"] = window.rows;
  names["event"] = trigger.event;
  names["sha256"] =
      sha256_hex(batch);  // ties the two objects together: they are replaced one after the other
  store_.put(columns_key, write_json(names));

  nlohmann::ordered_json lock;
  lock["event"] = trigger.event;
  lock["tier"] = to_text(trigger.tier);
  lock["row"] = trigger.row;
  lock["since"] = to_iso8601(now);
  lock["expires"] = to_iso8601(now + lock_expiry);
  store_.put(lock_key, write_json(lock));
  store_.put(grid_key, to_text(trigger.tier));
}

std::optional<Handover::Lock> Handover::lock() {
  const auto text = store_.get(lock_key, max_flag_bytes);
  if (!text) return std::nullopt;
  try {
    const JsonFields fields(*text, lock_key);
    Lock lock{fields.text("event"), fields.time("since"), fields.time("expires")};
    lock.tier = parse_tier(fields.text_or("tier", "-")).value_or(Tier::none);
    lock.row = fields.integer_or("row", row_of_event(lock.event));
    return lock;
  } catch (const InputError& error) {
    complain(error.what() + std::string("; taken for a stale lock"));
    return Lock{};  // it expired in 1970: nobody may be locked out by an object that cannot be read
  }
}

std::optional<RetrainDone> Handover::done() {
  const auto text = store_.get(done_key, max_json_bytes);
  if (!text) return std::nullopt;
  try {
    const JsonFields fields(*text, done_key);
    return RetrainDone{fields.text("event"), fields.boolean("published"), fields.text_or("release", ""),
                       fields.text_or("reason", "")};
  } catch (const InputError& error) {
    complain(error.what() + std::string("; ignored, the lock will expire"));
    return std::nullopt;
  }
}

void Handover::clear() {
  store_.remove(grid_key);
  store_.remove(done_key);
  store_.remove(lock_key);
}

std::optional<Trigger> Handover::pending() {
  const auto text = store_.get(grid_key, max_flag_bytes);
  if (!text) return std::nullopt;
  const auto tier = parse_tier(trim(*text));
  if (!tier || *tier == Tier::none) {
    complain(std::string(grid_key) + ": it must hold A, B or C and nothing else; ignored");
    return std::nullopt;
  }
  Trigger trigger;
  if (const auto held = lock(); held && !held->event.empty()) {
    trigger.event = held->event;
    trigger.row = held->row;
    if (held->tier != Tier::none && held->tier != *tier) {
      complain(std::string(grid_key) + ": it holds " + to_text(*tier) + ", but the lock of " + held->event +
               " is of tier " + to_text(held->tier) + "; ignored until they agree");
      return std::nullopt;
    }
  } else {
    trigger = unlocked_trigger();
  }
  trigger.tier = *tier;
  if (const auto answered = done(); answered && answered->event == trigger.event) return std::nullopt;
  return trigger;
}

/// Whose a flag without a lock is; the same whenever it is asked, so that it is answered once.
Trigger Handover::unlocked_trigger() {
  Trigger trigger;
  if (const auto names = store_.get(columns_key, max_json_bytes)) {
    try {
      const JsonFields fields(*names, columns_key);
      trigger.event = fields.text("event");
      trigger.row = row_of_event(trigger.event);
      return trigger;
    } catch (const InputError&) {  // not one of ours
    }
  }
  const auto batch = store_.get(batch_key);
  trigger.event = "unnamed." + (batch ? sha256_hex(*batch).substr(0, 12) : std::string("without-batch"));
  return trigger;
}

Result<DriftWindow> Handover::window(const Trigger& trigger) {
  try {
    const auto names = store_.get(columns_key, max_json_bytes);
    if (!names) return failure(std::string(columns_key) + ": no such object in " + store_.url());
    const JsonFields fields(*names, columns_key);
    if (const auto event = fields.text("event"); event != trigger.event)
      return failure(std::string(columns_key) + ": belongs to event " + event + ", not to " + trigger.event);
    DriftWindow window;
    window.columns = fields.texts("columns");
    window.rows = fields.integers("rows");
    const auto batch = store_.get(batch_key);
    if (!batch) return failure(std::string(batch_key) + ": no such object in " + store_.url());
    if (fields.has("sha256") && fields.text("sha256") != sha256_hex(*batch))
      return failure(std::string(batch_key) + ": not the batch that " + columns_key +
                     " describes (torn, or of another event)");
    const Array array = parse_npy(*batch, batch_key);
    const auto* cells = std::get_if<std::vector<float>>(&array.data);
    const auto rows = window.rows.size();
    const auto columns = window.columns.size();
    if (cells == nullptr || array.shape != std::vector<std::size_t>{rows, columns + 1})
      return failure(std::string(batch_key) + ": must be float32 of " + to_text(rows) + " x " +
                     to_text(columns + 1));
    window.values.reserve(rows * columns);
    window.labels.reserve(rows);
    for (std::size_t row = 0; row < rows; ++row) {
      const auto first = cells->begin() + static_cast<std::ptrdiff_t>(row * (columns + 1));
      const auto label = first + static_cast<std::ptrdiff_t>(columns);
      window.values.insert(window.values.end(), first, label);
      window.labels.push_back(*label);
    }
    return window;
  } catch (const Error& error) {
    return failure(error.what());
  }
}

void Handover::finish(const RetrainDone& done) {
  nlohmann::ordered_json object;
  object["event"] = done.event;
  object["published"] = done.published;
  object["release"] = done.release;
  object["reason"] = done.reason;
  store_.put(done_key, write_json(object));
}

void Handover::complain(const std::string& about) {
  if (about == last_complaint_) return;
  last_complaint_ = about;
  log::warning(about);
}

}  // namespace drst
