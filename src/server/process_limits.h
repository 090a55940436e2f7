// What a start takes from the configuration and from the machine: descriptors, the event loop's backend, a connection's settings.
// Functions without state.
#pragma once

#include <cstdint>

#include "config/model.h"
#include "edge/h1_server.h"
#include "io/loop.h"

namespace portico::server {

// Opens /dev/null in the place of a standard descriptor that is closed: else the next file or connection would get its number, and
// with it whatever is written to stdout or stderr.
void hold_standard_descriptors();
// As many descriptors as this process may have. @returns that number
uint64_t raise_descriptors();
// The configuration's, unless PORTICO_IO says otherwise.
io::BackendChoice io_choice(const config::Config& config);
// The workers that it asks for: without a number one for each processor that this process may use (io/machine_share).
size_t worker_count(const config::Config& config);
// Descriptors that a worker may use for clients and services: its share, less what the process and its workers need themselves.
uint32_t descriptor_share(uint64_t descriptors, size_t workers);
// Client connections for which a worker is sure to have descriptors: its share of them, less what upstream connections need.
uint32_t connection_room(uint64_t descriptors, size_t workers);
// Client connections that a worker may hold: the configuration's number, or those for which there is room.
uint32_t connection_limit(const config::Config& config, uint64_t descriptors, size_t workers);
// Bytes that a worker may hold of what strangers send (base/held.h): its share of what the configuration says, or of a quarter of
// what there is.
uint64_t memory_limit(const config::Config& config, uint64_t available, size_t workers);
// Of the machine, or of the control groups of this process where those allow less.
uint64_t available_memory();
edge::ServerSettings settings_of(const config::Config& config);

}  // namespace portico::server
