// What one CSV cell says, and how it is shown in a message. Internal to this room.
#pragma once

#include <string>
#include <string_view>

namespace drst::detail {

enum class Cell { number, missing, infinite, bad };

/// `text` without the blanks around it. `value` is NaN unless the cell is a number.
Cell read_cell(std::string_view text, double& value);

/// Fit for a message: shortened, control characters replaced.
std::string shown(std::string_view text);

}  // namespace drst::detail
