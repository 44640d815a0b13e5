// Releases, the pointer, and everything that keeps them safe (SPEC 5). Start here for publishing and loading
// models.
//
// A release is two immutable objects: models/model_<timestamp>.onnx and models/metrics_<timestamp>.json; the
// metrics name the model's SHA-256 and size and hold the lineage. models/latest.txt (two lines: model key,
// metrics key) is the only mutable object; it is replaced atomically and only after the release it names is
// durable. Each move of the pointer leaves an audit object (models/audit/<timestamp>-<n>.json).
// models/baseline.txt, same format, written once by offline training, names the frozen baseline.
// Readers verify size and SHA-256 before use. Prune never removes what the pointer, the baseline or a
// rollback target names.
//
// State. Metrics are immutable, so the state they were published with ("challenger") never changes in the
// object; list() and info() derive the present one: "live" is what the pointer names, "retired" what it named
// before (by the audit trail), "frozen" is the baseline, which it never names, "challenger" what else it
// never named. A move of the pointer that left no audit line (a crash between the two writes, a person with
// an editor) is noticed by the next move, which first writes the missing line. Audit lines are strictly
// ordered by their key, even if the clock steps back. Thread- and process-safe as the store is; one component
// at a time should move the pointer.
//
// Of a store that keeps no condition of `put_new` (several S3 services), nothing here asks more than one that
// does. The pointer is written by plain `put`, after what it names was read back and found whole, and each
// reader verifies it anew: of two writers at once the last wins, with a valid release. Two publishers of one
// microsecond on two machines could write one model key; its metrics then fit one of them or none, and a
// release that does not fit is used by nobody. Audit lines of one key could replace each other; the next move
// writes what is missing. Two first trainings at once could both believe that theirs is the baseline: the
// last one's is, whole.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/settings.h"
#include "base/time.h"
#include "store/store.h"

namespace drst {

struct RegistrySettings {
  int64_t keep_releases = 20;  ///< prune keeps at least so many of the newest
  int64_t rollback_depth = 3;  ///< and so many former targets of the pointer
  double gain_margin = 0.0;    ///< least validation gain over the baseline for a consumer to take a release
};
void describe(SettingsVisitor& visitor, RegistrySettings& settings);

struct ReleaseInfo {
  std::string model_key;    ///< models/model_<timestamp>.onnx
  std::string metrics_key;  ///< models/metrics_<timestamp>.json
  Time created{};
  std::string family;
  std::string target;
  std::vector<std::string> inputs;
  std::string sha256;  ///< of the model file
  std::uint64_t size = 0;
  // lineage
  std::string parent;  ///< model key of the release it was made from, or empty
  std::string role;    ///< "baseline", "offline", "retrain", ...
  /// "challenger", "frozen", "live", "retired"; derived when read through Registry (see above).
  std::string state;
  std::string trigger;      ///< what caused it (drift event id), or empty
  std::string data_sha256;  ///< of the training data
  std::int64_t labels = 0;  ///< labelled rows it learned from
  std::uint64_t seed = 0;
  std::string code_version;
  std::map<std::string, std::string> settings;
  std::map<std::string, double> metrics;  ///< validation figures
  /// Validation loss mean(min(e,1)) of baseline minus that of this release, and of the then live one minus
  /// this; NaN: not measured.
  double gain_over_baseline = 0;
  double gain_over_live = 0;
};
std::string to_json(const ReleaseInfo& info);
/// InputError naming `source` if it is not a metrics file of ours.
ReleaseInfo parse_release_info(std::string_view json, const std::string& source);

struct Pointer {
  std::string model_key;
  std::string metrics_key;
  friend bool operator==(const Pointer&, const Pointer&) = default;
};
/// The two lines; a Failure names `source` and the line that is wrong.
Result<Pointer> parse_pointer(std::string_view text, const std::string& source);
std::string to_text(const Pointer& pointer);
/// "20260101T000000000000Z" of models/model_20260101T000000000000Z.onnx; the whole key if it is not of that
/// form.
std::string release_timestamp(const std::string& model_key);

/// What to do about releases that cannot be used; the end of a message.
inline constexpr std::string_view baseline_remedy =
    "`drst models verify` tells what is broken; put the object back, or remove models/baseline.txt and train "
    "anew by `drst offline`";
inline constexpr std::string_view live_remedy =
    "`drst models verify` tells what is broken, `drst models rollback` goes back to a former release";

class Registry {
 public:
  Registry(ObjectStore& store, const Clock& clock, RegistrySettings settings = {});

  /// Stores model, then metrics (filling keys, size, digest, created). Unique timestamp even within one
  /// microsecond. The pointer does not move.
  ReleaseInfo publish(std::string_view onnx_bytes, ReleaseInfo info);
  /// Verifies the release (FailedError if an object is missing or does not match), moves the pointer, writes
  /// the audit object; `actor` and `reason` go into it. Pointing to what is live already changes nothing, so
  /// a step may be repeated after a crash.
  void point_to(const ReleaseInfo& release, const std::string& actor, const std::string& reason);
  /// Once: FailedError if another release is the baseline already.
  void set_baseline(const ReleaseInfo& release);

  /// nullopt: no pointer yet. Failure: a pointer that cannot be read (not two keys).
  Result<std::optional<Pointer>> pointer();
  Result<std::optional<Pointer>> baseline();
  /// Reads and checks the metrics object.
  Result<ReleaseInfo> info(const std::string& metrics_key);
  struct Loaded {
    ReleaseInfo info;
    std::string onnx;
  };
  /// Reads both objects, checks size and SHA-256. Failure says which object and what is wrong.
  Result<Loaded> load(const Pointer& pointer);

  std::vector<ReleaseInfo> list();  ///< oldest first; unreadable ones are left out (see verify)
  struct Problem {
    std::string key;
    std::string what;
  };
  std::vector<Problem> verify();  ///< every release and the pointers; empty: all is well
  /// Points to `target` (a model key), or, if empty, to what was live before the present one; repeated, it
  /// walks further back. FailedError, and nothing moves, if there is none, or if the target was removed or
  /// does not verify. An unreadable pointer is replaced by what the audit trail names last. Returns what is
  /// live now.
  ReleaseInfo rollback(const std::string& target, const std::string& actor);
  struct AuditLine {
    Time when{};
    std::string actor, reason;
    std::string from, to;  ///< model keys; `from` empty: the first move; `to` empty: `from` was pruned
  };
  /// Oldest first.
  std::vector<AuditLine> audit();
  /// True if the pointer ever pointed to it.
  bool was_live(const std::string& model_key);
  /// True if it was live and then replaced by another at least once: if the pointer names it now, that was a
  /// rollback.
  bool was_replaced(const std::string& model_key);
  /// Keys removed (or that would be): releases beyond the rules above, and models whose metrics were never
  /// written (a crash while publishing). FailedError, and nothing is removed, while the pointer or the
  /// baseline cannot be read.
  std::vector<std::string> prune(bool dry_run);

 private:
  [[nodiscard]] std::vector<AuditLine> moves();
  void append_audit(const AuditLine& line);
  void derive_states(std::vector<ReleaseInfo>& releases);
  void repair_audit(const std::optional<Pointer>& current);
  [[nodiscard]] std::vector<std::string> former_targets();

  ObjectStore& store_;
  const Clock& clock_;
  RegistrySettings settings_;
};

}  // namespace drst
