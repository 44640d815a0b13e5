// Runs gnuplot on a script.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"

namespace drst {

/// Draws `body` twice: <folder>/<name>.svg and .png, `width` x `height` pixels. The body plots; terminal and
/// output are set here. Failure: gnuplot is missing, or its first words of complaint.
Result<bool> gnuplot(const std::filesystem::path& folder, const std::string& name, int width, int height,
                     const std::string& body);

/// A text as a gnuplot string in single quotes, markup switched off by the caller (noenhanced).
std::string gnuplot_quote(const std::string& text);

}  // namespace drst
