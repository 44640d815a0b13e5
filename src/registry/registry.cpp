#include "registry/registry.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "registry/keys.h"

namespace drst {

void describe(SettingsVisitor& visitor, RegistrySettings& settings) {
  visitor.visit(
      "keep_releases", settings.keep_releases,
      {"releases", "Newest releases that prune keeps; 20 cover an evening of retraining and are some MB.", 1,
       1e6});
  visitor.visit(
      "rollback_depth", settings.rollback_depth,
      {"releases", "Former targets of the pointer that prune keeps besides, so that a rollback finds them.",
       0, 1e6});
  visitor.visit("gain_margin", settings.gain_margin,
                {"1",
                 "Least validation gain over the baseline, in mean(min(e, 1)), for a consumer to take a "
                 "release. 0: it must "
                 "be better at all; the retrainer's own gate has already compared it with the live model.",
                 -1, 1});
}

Registry::Registry(ObjectStore& store, const Clock& clock, RegistrySettings settings)
    : store_(store), clock_(clock), settings_(settings) {}

ReleaseInfo Registry::publish(std::string_view onnx_bytes, ReleaseInfo info) {
  if (onnx_bytes.empty()) throw FailedError("cannot publish a release without a model: no bytes were given");
  info.sha256 = sha256_hex(onnx_bytes);
  info.size = onnx_bytes.size();
  info.state = keys::challenger;
  // Later than every release there is, so that the newest is the last by key even if the clock stands or
  // steps back.
  Time created = clock_.now();
  for (const auto& key : store_.list(keys::model_prefix))
    if (const auto taken = keys::time_of(key)) created = std::max(created, *taken + Duration(1));
  for (;; created += Duration(1)) {
    info.model_key = keys::model(created);
    if (store_.put_new(info.model_key, onnx_bytes))
      break;  // else another publisher took this microsecond just now
  }
  info.metrics_key = keys::metrics(created);
  info.created = created;
  store_.put(info.metrics_key, to_json(info));
  return info;
}

void Registry::point_to(const ReleaseInfo& release, const std::string& actor, const std::string& reason) {
  const Pointer target{release.model_key, release.metrics_key};
  if (const auto loaded = load(target); !loaded)
    throw FailedError("the pointer is not moved to " + release.model_key + ": " + loaded.error().reason);
  const auto current = pointer();
  if (!current) {
    // Replacing it is the cure; what it held is of no use to anybody, but that it was broken is.
    log::warning(current.error().reason + "; it is replaced");
    const auto trail = moves();
    store_.put(keys::latest, to_text(target));
    append_audit({clock_.now(), actor,
                  reason + " (the pointer could not be read: " + current.error().reason + ")",
                  trail.empty() ? "" : trail.back().to, target.model_key});
    return;
  }
  repair_audit(*current);
  if (*current == target) return;
  store_.put(keys::latest, to_text(target));
  append_audit({clock_.now(), actor, reason, *current ? (*current)->model_key : "", target.model_key});
}

void Registry::set_baseline(const ReleaseInfo& release) {
  const Pointer target{release.model_key, release.metrics_key};
  if (const auto loaded = load(target); !loaded)
    throw FailedError(release.model_key + " cannot be the baseline: " + loaded.error().reason);
  if (store_.put_new(keys::baseline, to_text(target))) return;
  const auto present = baseline();
  if (!present) throw FailedError(present.error().reason);
  if (*present != target)
    throw FailedError(store_.url() + " has a baseline already, which is frozen: " + (*present)->model_key +
                      "; use another store, or remove " + keys::baseline + " to begin anew");
}

Result<std::optional<Pointer>> Registry::pointer() { return keys::read_pointer(store_, keys::latest); }
Result<std::optional<Pointer>> Registry::baseline() { return keys::read_pointer(store_, keys::baseline); }

namespace {
Result<ReleaseInfo> read_info(ObjectStore& store, const std::string& metrics_key) {
  try {
    const auto text = store.get(metrics_key);
    if (!text) return failure(metrics_key + ": no such object in " + store.url());
    auto info = parse_release_info(*text, metrics_key);
    if (info.metrics_key != metrics_key)
      return failure(metrics_key + ": says that it is " + info.metrics_key + " (copied or swapped?)");
    return info;
  } catch (const Error& error) {
    return failure(error.what());
  }
}
}  // namespace

Result<ReleaseInfo> Registry::info(const std::string& metrics_key) {
  auto read = read_info(store_, metrics_key);
  if (!read) return read;
  std::vector<ReleaseInfo> one{std::move(*read)};
  derive_states(one);
  return std::move(one.front());
}

Result<Registry::Loaded> Registry::load(const Pointer& pointer) {
  auto read = read_info(store_, pointer.metrics_key);
  if (!read) return tl::unexpected(read.error());
  if (read->model_key != pointer.model_key)
    return failure(pointer.metrics_key + ": belongs to " + read->model_key + ", not to " + pointer.model_key);
  try {
    auto onnx = store_.get(pointer.model_key, read->size);
    if (!onnx) return failure(pointer.model_key + ": no such object in " + store_.url());
    if (onnx->size() != read->size)
      return failure(pointer.model_key + ": has " + to_text(onnx->size()) + " bytes, its metrics say " +
                     to_text(read->size) + " (cut short?)");
    if (const auto digest = sha256_hex(*onnx); digest != read->sha256)
      return failure(pointer.model_key + ": its SHA-256 is " + digest + ", its metrics say " + read->sha256 +
                     " (changed after it was published?)");
    return Loaded{std::move(*read), std::move(*onnx)};
  } catch (const Error& error) {
    return failure(pointer.model_key + ": " + error.what());
  }
}

void Registry::derive_states(std::vector<ReleaseInfo>& releases) {
  const auto now = pointer();
  const auto trail = moves();
  const auto frozen = baseline();
  for (auto& release : releases) {
    const auto named = [&](const AuditLine& line) {
      return line.to == release.model_key || line.from == release.model_key;
    };
    if (now && *now && (*now)->model_key == release.model_key) {
      release.state = keys::live;
    } else if (std::any_of(trail.begin(), trail.end(), named)) {
      release.state = keys::retired;
    } else {
      const bool is_frozen = frozen && *frozen && (*frozen)->model_key == release.model_key;
      release.state = is_frozen ? keys::frozen : keys::challenger;
    }
  }
}

std::vector<ReleaseInfo> Registry::list() {
  std::vector<ReleaseInfo> releases;
  for (const auto& key : store_.list(keys::metrics_prefix))
    if (auto read = read_info(store_, key)) releases.push_back(std::move(*read));
  std::stable_sort(releases.begin(), releases.end(),
                   [](const ReleaseInfo& a, const ReleaseInfo& b) { return a.created < b.created; });
  derive_states(releases);
  return releases;
}

std::vector<Registry::Problem> Registry::verify() {
  std::vector<Problem> problems;
  std::vector<std::string> named;
  for (const auto& key : store_.list(keys::metrics_prefix)) {
    const auto read = read_info(store_, key);
    if (!read) {
      problems.push_back({key, read.error().reason});
      continue;
    }
    named.push_back(read->model_key);
    if (const auto loaded = load({read->model_key, key}); !loaded)
      problems.push_back({read->model_key, loaded.error().reason});
  }
  for (const auto& key : store_.list(keys::model_prefix))
    if (std::find(named.begin(), named.end(), key) == named.end())
      problems.push_back(
          {key, key + ": no metrics object names it (publishing was cut short?); prune removes it"});
  for (const auto* key : {keys::latest, keys::baseline}) {
    const auto read = keys::read_pointer(store_, key);
    if (!read) {
      problems.push_back({key, read.error().reason});
    } else if (*read) {
      if (const auto loaded = load(**read); !loaded)
        problems.push_back(
            {key, std::string(key) + ": what it names cannot be used: " + loaded.error().reason});
    } else if (!named.empty()) {
      problems.push_back(
          {key, std::string(key) + ": there are releases, but no such pointer; " +
                    (key == keys::latest ? "`drst models rollback RELEASE` names a live one"
                                         : "train anew with `drst offline` into an empty store")});
    }
  }
  for (const auto& key : keys::audit_keys(store_))
    if (const auto line = keys::read_audit(store_, key); !line)
      problems.push_back({key, line.error().reason});
  return problems;
}

}  // namespace drst
