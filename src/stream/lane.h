// One model a target: what tells the lanes of a chain's targets apart (SPEC 6, `model.targets`).
//
// A lane is all that serves one target: consumers, guards, monitor, retrainer and judge, with releases,
// pointer and results of their own. The first target's lane has the plain names and is written as "": a chain
// with one target knows no others. A further target's lane is its name, and everything of it carries that
// name: groups and derived topics behind a dash, objects under "targets/<name>/". All lanes read one record
// topic and one labels topic; which of a record's labels is theirs the reader is told. Pure functions; any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace drst {

/// What the lane's derived topics begin with: "<topic>", "<topic>-<lane>". (Records and labels: the topic.)
std::string lane_topic(const std::string& topic, std::string_view lane);
/// "<group>", "<group>-<lane>"
std::string lane_group(const std::string& group, std::string_view lane);
/// Where the lane's objects are: "", "targets/<lane>/".
std::string lane_prefix(std::string_view lane);
/// The lane of one of `targets`. InputError that lists them if it is none.
std::string lane_of(std::string_view target, const std::vector<std::string>& targets);

/// InputError: no target, one named twice, one that is none of `kpis` (it would be an input of the others'
/// models), or a further one whose name cannot be part of a key and a topic.
void check_targets(const std::vector<std::string>& targets, const std::vector<std::string>& kpis);

}  // namespace drst
