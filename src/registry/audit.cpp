// The audit trail, and what is read from it: rollback and prune.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/log.h"
#include "base/text.h"
#include "registry/json_fields.h"
#include "registry/keys.h"
#include "registry/registry.h"

namespace drst {

namespace {
constexpr std::size_t serial_digits = 4;

std::string audit_key(Time when, uint64_t serial) {
  std::string digits = to_text(serial);
  if (digits.size() < serial_digits) digits.insert(0, serial_digits - digits.size(), '0');
  return keys::audit_prefix + to_compact(when) + "-" + digits + ".json";
}
}  // namespace

void Registry::append_audit(const AuditLine& line) {
  nlohmann::ordered_json object;
  object["when"] = to_iso8601(line.when);
  object["actor"] = line.actor;
  object["reason"] = line.reason;
  object["from"] = line.from;
  object["to"] = line.to;
  const std::string text = write_json(object);
  // Never before a line that is there: the order of the keys is the order of the moves.
  Time when = line.when;
  const auto present = keys::audit_keys(store_);
  if (!present.empty())
    if (const auto last = keys::time_of(present.back())) when = std::max(when, *last);
  const auto same =
      static_cast<uint64_t>(std::count_if(present.begin(), present.end(), [&](const std::string& key) {
        return keys::time_of(key) == std::optional<Time>(when);
      }));
  for (uint64_t serial = same;; ++serial)
    if (store_.put_new(audit_key(when, serial), text)) return;
}

std::vector<Registry::AuditLine> Registry::audit() {
  std::vector<AuditLine> lines;
  for (const auto& key : keys::audit_keys(store_)) {
    auto line = keys::read_audit(store_, key);
    if (line) {
      lines.push_back(std::move(*line));
    } else {
      log::warning(line.error().reason + "; this audit line is left out");
    }
  }
  return lines;
}

std::vector<Registry::AuditLine> Registry::moves() {
  auto lines = audit();
  std::erase_if(lines, [](const AuditLine& line) { return line.to.empty(); });
  return lines;
}

void Registry::repair_audit(const std::optional<Pointer>& current) {
  if (!current) return;
  const auto trail = moves();
  const std::string last = trail.empty() ? "" : trail.back().to;
  if (last != current->model_key)
    append_audit(
        {clock_.now(), "registry", "a move that left no audit line was found", last, current->model_key});
}

bool Registry::was_live(const std::string& model_key) {
  const auto now = pointer();
  if (now && *now && (*now)->model_key == model_key) return true;
  const auto trail = moves();
  return std::any_of(trail.begin(), trail.end(), [&](const AuditLine& line) { return line.to == model_key; });
}

bool Registry::was_replaced(const std::string& model_key) {
  auto trail = moves();
  const auto now = pointer();
  // The move that made it live (again) tells nothing about an earlier life; a pointer moved without an audit
  // line has left whatever the last line names.
  if (!trail.empty() && now && *now && (*now)->model_key == trail.back().to) trail.pop_back();
  return std::any_of(trail.begin(), trail.end(), [&](const AuditLine& line) { return line.to == model_key; });
}

std::vector<std::string> Registry::former_targets() {
  // Replays the moves as a stack: going back to a release undoes all that came after it, so that two
  // rollbacks in a row go two releases back and do not swing between two.
  std::vector<std::string> stack;
  const auto move_to = [&](const std::string& key) {
    const auto found = std::find(stack.begin(), stack.end(), key);
    if (found != stack.end()) {
      stack.erase(found + 1, stack.end());
    } else {
      stack.push_back(key);
    }
  };
  for (const auto& line : moves()) move_to(line.to);
  const auto now = pointer();
  if (now && *now) {
    move_to((*now)->model_key);
    stack.pop_back();
  }
  return stack;
}

ReleaseInfo Registry::rollback(const std::string& target, const std::string& actor) {
  std::string wanted = target;
  if (wanted.empty()) {
    const auto former = former_targets();
    if (former.empty())
      throw FailedError(
          "there is nothing to roll back to: the present release was the first that was live; "
          "`drst models list` shows others, `drst models rollback RELEASE` names one");
    wanted = former.back();
  }
  const auto releases = list();
  const auto found = std::find_if(releases.begin(), releases.end(),
                                  [&](const ReleaseInfo& info) { return info.model_key == wanted; });
  if (found == releases.end()) {
    std::string why = "no release of this name is in " + store_.url();
    for (const auto& line : audit()) {
      if (line.from != wanted || !line.to.empty()) continue;
      why = "it was removed by " + line.actor + " at " + to_iso8601(line.when) + " (" + line.reason + ")";
    }
    throw FailedError("cannot roll back to " + wanted + ": " + why +
                      "; `drst models list` shows what is there");
  }
  point_to(*found, actor, "rollback");
  return *info(found->metrics_key);
}

std::vector<std::string> Registry::prune(bool dry_run) {
  std::set<std::string> kept;  // model keys
  for (const auto& read : {pointer(), baseline()}) {
    if (!read)
      throw FailedError("nothing is removed while it is unknown what is in use: " + read.error().reason);
    if (*read) kept.insert((*read)->model_key);
  }
  const auto former = former_targets();
  const auto depth = std::min(former.size(), static_cast<std::size_t>(settings_.rollback_depth));
  kept.insert(former.end() - static_cast<std::ptrdiff_t>(depth), former.end());
  const auto releases = list();
  const auto newest = std::min(releases.size(), static_cast<std::size_t>(settings_.keep_releases));
  for (auto i = releases.size() - newest; i < releases.size(); ++i) kept.insert(releases[i].model_key);

  std::vector<std::string> removed;
  for (const auto& release : releases) {
    if (kept.contains(release.model_key)) continue;
    removed.push_back(release.metrics_key);
    removed.push_back(release.model_key);
    if (dry_run) continue;
    // The line first, so that whoever asks for it later learns where it went; the metrics before the model,
    // so that a crash in between leaves a model without a name and never a name without a model.
    append_audit({clock_.now(), "prune", "beyond the newest " + to_text(settings_.keep_releases),
                  release.model_key, ""});
    store_.remove(release.metrics_key);
    store_.remove(release.model_key);
  }
  // Models without metrics older than the newest whole release: nobody is publishing those any more. An
  // unreadable metrics object is left for people to look at, and so is its model.
  if (releases.empty()) return removed;
  std::set<std::string> named;
  for (const auto& key : store_.list(keys::metrics_prefix))
    if (const auto when = keys::time_of(key)) named.insert(keys::model(*when));
  for (const auto& release : releases) named.insert(release.model_key);
  for (const auto& key : store_.list(keys::model_prefix)) {
    const auto when = keys::time_of(key);
    if (!when || *when >= releases.back().created || named.contains(key) || kept.contains(key)) continue;
    removed.push_back(key);
    if (!dry_run) store_.remove(key);
  }
  return removed;
}

}  // namespace drst
