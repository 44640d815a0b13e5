// Names of the registry's objects, and the small readers that its parts share. Not for other rooms.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "registry/registry.h"
#include "store/store.h"

namespace drst::keys {

inline constexpr const char* latest = "models/latest.txt";
inline constexpr const char* baseline = "models/baseline.txt";
inline constexpr const char* model_prefix = "models/model_";
inline constexpr const char* metrics_prefix = "models/metrics_";
inline constexpr const char* audit_prefix = "models/audit/";

inline constexpr const char* challenger = "challenger";
inline constexpr const char* frozen = "frozen";
inline constexpr const char* live = "live";
inline constexpr const char* retired = "retired";

std::string model(Time created);
std::string metrics(Time created);
/// The time in a key of our form (model, metrics or audit line).
std::optional<Time> time_of(const std::string& key);

/// A name as part of a key: what a key may not hold becomes '_', a long one is cut, and then a hash keeps
/// different names apart.
std::string part(const std::string& name);

/// nullopt: no such object.
Result<std::optional<Pointer>> read_pointer(ObjectStore& store, const std::string& key);
/// The keys of all audit lines, in the order of the moves. What else lies there is no line: some services
/// list what is half written, under a longer name.
std::vector<std::string> audit_keys(ObjectStore& store);
Result<Registry::AuditLine> read_audit(ObjectStore& store, const std::string& key);

}  // namespace drst::keys
