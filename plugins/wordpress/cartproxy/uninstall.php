<?php
/**
 * Leaves nothing behind when the plugin is deleted.
 */

declare(strict_types=1);

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

/** Remove the options and transients of the current site. */
function cartproxy_forget_site(): void {
	global $wpdb;
	foreach ( array( 'cartproxy_settings', 'cartproxy_api_key', 'cartproxy_integrity' ) as $option ) {
		delete_option( $option );
	}
	delete_transient( 'cartproxy_away' );
	delete_transient( 'cartproxy_no_widget' );
	// One for each product; WordPress has no function that deletes transients by the beginning of their names.
	$names = $wpdb->get_col( // phpcs:ignore WordPress.DB.DirectDatabaseQuery
		$wpdb->prepare( "SELECT option_name FROM $wpdb->options WHERE option_name LIKE %s", $wpdb->esc_like( '_transient_cartproxy_p_' ) . '%' )
	);
	foreach ( $names as $name ) {
		delete_transient( substr( $name, strlen( '_transient_' ) ) );
	}
}

if ( is_multisite() ) {
	foreach ( get_sites( array( 'fields' => 'ids', 'number' => 0 ) ) as $cartproxy_site ) {
		switch_to_blog( $cartproxy_site );
		cartproxy_forget_site();
		restore_current_blog();
	}
} else {
	cartproxy_forget_site();
}
