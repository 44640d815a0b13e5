#include "report/gnuplot.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/files.h"
#include "base/text.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX asks the program to declare it

namespace drst {

std::string gnuplot_quote(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    if (static_cast<unsigned char>(c) >= ' ') out += c;
  }
  return out + "'";
}

Result<bool> gnuplot(const std::filesystem::path& folder, const std::string& name, int width, int height,
                     const std::string& body) {
  const TemporaryFolder scratch("drst-plot");
  const auto script = scratch.path() / "plot.gp";
  const auto complaints = scratch.path() / "stderr";
  const std::string size = to_text(width) + "," + to_text(height);
  const auto output = [&](const char* type) {
    return "set output " + gnuplot_quote((folder / (name + "." + type)).string()) + "\n";
  };
  // A fixed font and no creation date: equal runs draw equal pictures.
  write_file_atomic(
      script,
      "set encoding utf8\nset terminal svg size " + size +
          " font 'Helvetica,13' background rgb 'white' noenhanced name 'drst'\n" + output("svg") + body +
          "\nset output\nreset session\nset encoding utf8\nset terminal pngcairo size " + size +
          " font 'Sans,10' background rgb 'white' noenhanced\n" + output("png") + body + "\nset output\n",
      Sync::no);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, complaints.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  std::string program = "gnuplot", argument = script.string();
  char* const arguments[] = {program.data(), argument.data(), nullptr};
  pid_t child = 0;
  const int code = ::posix_spawnp(&child, "gnuplot", &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0)
    return failure(std::string("gnuplot cannot be started: ") + std::strerror(code) +
                   " (install gnuplot-nox)");
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return failure("gnuplot was lost");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
  std::string words = read_file(complaints, 1u << 20);
  if (words.size() > 400) words.resize(400);
  return failure("gnuplot could not draw " + name + ": " + std::string(trim(words)));
}

}  // namespace drst
