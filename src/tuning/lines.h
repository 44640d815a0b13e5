// Lines of models that follow the stream: the newest release of each is an expert of its own.
#pragma once

#include <array>
#include <string_view>

namespace drst::tuning {

inline constexpr std::string_view line_refit = "refit";  ///< refitted on the labels (refit_line.h)

inline constexpr std::string_view line_answer = "answer";  ///< winners of the answers to drift (answer.h)

inline constexpr std::array<std::string_view, 2> line_names = {line_refit, line_answer};

}  // namespace drst::tuning
