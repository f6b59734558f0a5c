#include "settings.h"

#include "fault.h"
#include "jsonlog.h"
#include "map.h"
#include "route.h"

void settings_init(struct settings *settings)
{
	*settings = (struct settings){
		.listen = g_ptr_array_new_with_free_func(g_object_unref),
		.methods = { METHOD_PAIRS, METHOD_PASSWORD, METHOD_NONE },
		.method_count = 3,
		.faults = faults_new(),
		.map = map_new(),
		.route = route_new(),
		.hop_seconds = SETTINGS_HOP_SECONDS,
		.handshake_seconds = SETTINGS_HANDSHAKE_SECONDS,
	};
}

void settings_clear(struct settings *settings)
{
	g_clear_pointer(&settings->listen, g_ptr_array_unref);
	g_clear_pointer(&settings->route, route_free);
	g_clear_pointer(&settings->user, g_free);
	g_clear_pointer(&settings->password, g_free);
	g_clear_pointer(&settings->faults, faults_free);
	g_clear_pointer(&settings->map, map_free);
	g_clear_pointer(&settings->log, jsonlog_close);
}
