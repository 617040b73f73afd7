<?php
/**
 * Settings → cartproxy.
 */

declare(strict_types=1);

namespace Cartproxy\Admin;

use Cartproxy\Connection;
use Cartproxy\Settings;

defined( 'ABSPATH' ) || exit;

const PAGE = 'cartproxy';
const TEST = 'cartproxy_test';

function add_page(): void {
	$page = add_options_page( 'cartproxy', 'cartproxy', 'manage_options', PAGE, __NAMESPACE__ . '\page' );
	add_action( "load-$page", __NAMESPACE__ . '\test' );
}

/** A link to the settings in the list of plugins. */
function add_link( mixed $links ): array {
	$link = sprintf( '<a href="%s">%s</a>', esc_url( address() ), esc_html__( 'Settings', 'cartproxy' ) );
	return array( $link, ...(array) $links );
}

function address(): string {
	return admin_url( 'options-general.php?page=' . PAGE );
}

/** The page. WordPress's own options.php saves the form, and checks its nonce and the user's rights. */
function page(): void {
	if ( ! current_user_can( 'manage_options' ) ) {
		return;
	}
	?>
	<div class="wrap">
		<h1>cartproxy</h1>
		<form method="post" action="options.php">
			<?php settings_fields( Settings\GROUP ); ?>
			<table class="form-table" role="presentation">
				<?php
				row( 'service_url', 'url', __( 'Service URL', 'cartproxy' ), __( 'Where the cartproxy service is, such as https://cart.example.com.', 'cartproxy' ) );
				row( 'store', 'text', __( 'Store id', 'cartproxy' ), __( 'The id that the store has there.', 'cartproxy' ) );
				row( 'store_url', 'url', __( 'Address of the store', 'cartproxy' ), __( 'Optional. Where [shift4shop] buttons lead when their product is not known; taken over from the store\'s own plugin.', 'cartproxy' ) );
				key_row();
				row( 'integrity', 'text', __( 'Integrity of the widget', 'cartproxy' ), __( 'Optional. Empty: computed from the release when this site first sees it. Browsers run the widget only if it is that very file.', 'cartproxy' ) );
				?>
			</table>
			<?php submit_button(); ?>
		</form>
		<h2><?php esc_html_e( 'Connection', 'cartproxy' ); ?></h2>
		<p><?php esc_html_e( 'Asks the service with the saved settings. Nothing is changed there.', 'cartproxy' ); ?></p>
		<form method="post" action="<?php echo esc_url( address() ); ?>">
			<?php wp_nonce_field( TEST ); ?>
			<?php submit_button( __( 'Test the connection', 'cartproxy' ), 'secondary', TEST ); ?>
		</form>
	</div>
	<?php
}

function row( string $name, string $type, string $label, string $help ): void {
	$id = 'cartproxy-' . $name;
	printf(
		'<tr><th scope="row"><label for="%1$s">%2$s</label></th><td><input class="regular-text code" id="%1$s" type="%3$s" name="%4$s" value="%5$s" aria-describedby="%1$s-help"><p class="description" id="%1$s-help">%6$s</p></td></tr>',
		esc_attr( $id ),
		esc_html( $label ),
		esc_attr( $type ),
		esc_attr( Settings\OPTION . "[$name]" ),
		esc_attr( Settings\value( $name ) ),
		esc_html( $help )
	);
}

/** The key is never printed: a stored key can be replaced or deleted, not read. */
function key_row(): void {
	printf( '<tr><th scope="row"><label for="cartproxy-key">%s</label></th><td>', esc_html__( 'API key', 'cartproxy' ) );
	if ( Settings\key_is_fixed() ) {
		printf( '<p id="cartproxy-key">%s</p></td></tr>', esc_html__( 'Set in wp-config.php as CARTPROXY_API_KEY.', 'cartproxy' ) );
		return;
	}
	$stored = '' !== Settings\api_key();
	printf(
		'<input class="regular-text code" id="cartproxy-key" type="password" autocomplete="new-password" name="%s" value="" aria-describedby="cartproxy-key-help">',
		esc_attr( Settings\KEY_OPTION . '[new]' )
	);
	if ( $stored ) {
		printf(
			'<p><label><input type="checkbox" name="%s" value="1"> %s</label></p>',
			esc_attr( Settings\KEY_OPTION . '[forget]' ),
			esc_html__( 'Forget the stored key', 'cartproxy' )
		);
	}
	$help = $stored
		? __( 'A key is stored. Leave this empty to keep it.', 'cartproxy' )
		: __( 'Used by this server only; readers\' browsers never see it.', 'cartproxy' );
	printf( '<p class="description" id="cartproxy-key-help">%s</p></td></tr>', esc_html( $help ) );
}

/** Test the connection if that button was pressed: before the page begins, so that a forged press gets 403. */
function test(): void {
	if ( ! isset( $_POST[ TEST ] ) || ! current_user_can( 'manage_options' ) ) {
		return;
	}
	check_admin_referer( TEST );
	$findings = Connection\findings();
	add_action( 'admin_notices', static fn() => show( $findings ) );
}

function show( array $findings ): void {
	$words = array(
		Connection\OK      => __( 'OK:', 'cartproxy' ),
		Connection\PROBLEM => __( 'Problem:', 'cartproxy' ),
	);
	$kind  = in_array( Connection\PROBLEM, array_column( $findings, 'level' ), true ) ? 'error' : 'success';
	printf( '<div class="notice notice-%s" id="cartproxy-findings" role="status"><ul>', esc_attr( $kind ) );
	foreach ( $findings as $finding ) {
		printf( '<li><strong>%s</strong> %s</li>', esc_html( $words[ $finding['level'] ] ), esc_html( $finding['text'] ) );
	}
	echo '</ul></div>';
}
