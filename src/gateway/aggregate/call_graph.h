// Which call of an aggregate waits for which. Pure: made at load from what the calls' templates name.
#pragma once

#include <cstdint>
#include <vector>

namespace portico::gateway {

class CallGraph {
  public:
    explicit CallGraph(size_t calls) : needs_(calls), wanted_by_(calls) {}

    // `call` names `needed`; more than once is once.
    void add(uint32_t call, uint32_t needed);

    size_t size() const { return needs_.size(); }
    // The calls that `call` names, each of which must have ended before it begins.
    const std::vector<uint32_t>& needs(uint32_t call) const { return needs_[call]; }
    const std::vector<uint32_t>& wanted_by(uint32_t call) const { return wanted_by_[call]; }
    // Calls that wait for each other: circles, each call naming the next and the last the first. Not all where they share calls.
    std::vector<std::vector<uint32_t>> cycles() const;
    // How many calls must end one after the other before each may begin: 0 for those that begin at once.
    // @requires no cycle
    std::vector<uint32_t> depths() const;

  private:
    bool find_cycle(uint32_t call, std::vector<uint8_t>& state, std::vector<uint32_t>& way) const;
    std::vector<std::vector<uint32_t>> needs_, wanted_by_;
};

}  // namespace portico::gateway
